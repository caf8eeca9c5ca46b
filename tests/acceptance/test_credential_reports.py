"""Credential reports as boto3 and the AWS CLI know them."""

import csv
import time

import pytest
from machine import until


def test_a_credential_report_is_made_and_read(world):
    iam = world.root.boto("iam")
    with pytest.raises(iam.exceptions.CredentialReportNotPresentException):
        iam.get_credential_report()
    iam.create_user(UserName="bob")
    iam.create_login_profile(UserName="bob", Password="Tr0ub4dor&3-first")
    iam.create_access_key(UserName="bob")
    started = world.root.aws("iam", "generate-credential-report")
    assert started == {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}
    until("the report is complete", lambda: iam.generate_credential_report()["State"] == "COMPLETE", 30)
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv" and time.time() - report["GeneratedTime"].timestamp() < 60
    rows = list(csv.DictReader(report["Content"].decode().splitlines()))
    assert [row["user"] for row in rows] == ["<root_account>", "bob"]
    assert len(rows[1]) == 22 and None not in rows[1]
    assert (rows[0]["password_enabled"], rows[1]["password_enabled"], rows[1]["access_key_1_active"]) == ("not_supported", "true", "true")
    assert rows[1]["arn"] == "arn:aws:iam::111111111111:user/bob"
    # The report belongs to the account: any broker has it, also after a restart.
    world.restart()
    assert world.root.boto("iam").get_credential_report()["Content"] == report["Content"]
