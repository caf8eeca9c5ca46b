"""What the runs of each client through every operation leave out, as it has stories of its own with more than one actor."""

TOLD_ELSEWHERE = {
    "AcceptDelegationRequest",
    "AssociateDelegationRequest",
    "CreateDelegationRequest",
    "GetDelegationRequest",
    "ListDelegationRequests",
    "RejectDelegationRequest",
    "SendDelegationToken",
    "UpdateDelegationRequest",
}

# Of STS's, those that need a provider or another party of their own.
STS_TOLD_ELSEWHERE = {
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "GetWebIdentityToken",
}
