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
