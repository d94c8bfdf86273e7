"""The rights in S3 that the page about object stores lists are enough, and each of them is necessary.

moto's server checks signatures and policies. There is no server on this machine that does so for Google's roles.
"""

import itertools
import json
import os
import re
import urllib.request
from collections.abc import Iterable, Iterator

import emulators
import pytest
from layout import ROOT
from programs import run
from stored import GENERATE, TASK, THREE, TWO

from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.storage.paths import ObjectPath

PAGE = (ROOT / "docs/how-to/object-stores.md").read_text(encoding="utf-8")
WRITER, READER = (re.findall("`(s3:[A-Za-z]+)`", cell) for cell in re.findall(r"^\| S3 \|(.*)\|(.*)\|$", PAGE, re.M)[0])
NUMBERS = itertools.count()


def set_enforced(enforced: bool) -> None:
    """Lets moto's server check the rights of every request from now on, or of none."""
    url, count = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset-auth", b"0" if enforced else b"inf"
    urllib.request.urlopen(urllib.request.Request(url, count, {"Content-Type": "text/plain"}), timeout=60).close()


@pytest.fixture
def bucket(servers) -> Iterator[str]:
    yield emulators.new_bucket("s3").removeprefix("s3://")
    set_enforced(False)


def become(monkeypatch: pytest.MonkeyPatch, bucket: str, actions: Iterable[str]) -> None:
    """From now on, commands have the keys of a new user with these rights on the bucket, and no others."""
    import boto3

    set_enforced(False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    client, user = boto3.client("iam"), f"user-{next(NUMBERS)}"
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/data/*"]
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.create_user(UserName=user)
    client.put_user_policy(UserName=user, PolicyName="rights", PolicyDocument=policy)
    key = client.create_access_key(UserName=user)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    set_enforced(True)


def end(*arguments: object) -> tuple[int, str]:
    """The exit code of ``arith-data``, and its last line on standard error."""
    process = run(*arguments)
    return process.returncode, process.stderr.strip().rpartition("\n")[2]


@pytest.mark.release
def test_the_rights_of_the_page_are_enough(bucket, tmp_path, monkeypatch):
    data_dir = f"s3://{bucket}/data"
    path = dataset_path(ObjectPath(data_dir), TASK)
    become(monkeypatch, bucket, WRITER)
    assert end(*GENERATE, *THREE, "--data-dir", data_dir)[0] == 0
    assert end(*GENERATE, *TWO, "--overwrite", "--data-dir", data_dir)[0] == 0
    become(monkeypatch, bucket, READER)
    for command in (("verify", path), ("fetch", path, tmp_path), (*GENERATE, *TWO, "--data-dir", data_dir)):
        code, line = end(*command)
        assert code == 0, line
    code, line = end(*GENERATE, *THREE, "--overwrite", "--data-dir", data_dir)
    assert code == 2 and f"s3://{bucket} denies access" in line
    assert end("verify", path)[0] == 0


@pytest.mark.release
@pytest.mark.parametrize("action", WRITER)
def test_each_right_of_the_page_is_necessary(bucket, monkeypatch, action):
    data_dir = f"s3://{bucket}/data"
    become(monkeypatch, bucket, WRITER)
    assert end(*GENERATE, *THREE, "--data-dir", data_dir)[0] == 0
    become(monkeypatch, bucket, set(WRITER) - {action})
    code, line = end(*GENERATE, *TWO, "--overwrite", "--data-dir", data_dir)
    assert (code, "denies access" in line) == (2, True), line
