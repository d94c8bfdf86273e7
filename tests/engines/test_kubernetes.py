"""The example for Kubernetes: right by its schemas, and in what its parts say of each other."""

import re

import apache_beam as beam
import kubernetes_validate
import pytest
import yaml
from apache_beam.runners.portability.portable_runner import PortableRunner
from layout import ROOT

from seq2seq_arith.pipelines.beam.options import pipeline_options

EXAMPLE = ROOT / "engines/kubernetes/flink.yaml"
OBJECTS = list(yaml.safe_load_all(EXAMPLE.read_text(encoding="utf-8")))
BY_NAME = {(each["kind"], each["metadata"]["name"]): each for each in OBJECTS}
# Sidecars came with 1.29; the newest is that of the package.
VERSIONS = ["1.29", kubernetes_validate.latest_version()]
JOB = BY_NAME["Job", "arith-data"]


def pods():
    """The templates of all pods."""
    return [each["spec"]["template"] for each in OBJECTS if "template" in each.get("spec", {})]


def pods_by_role():
    return {pod["metadata"]["labels"]["role"]: pod for pod in pods()}


def containers():
    return [each for pod in pods() for kind in ("initContainers", "containers") for each in pod["spec"].get(kind, [])]


def flink_properties(role):
    (container, *_) = pods_by_role()[role]["spec"]["containers"]
    (variable,) = container["env"]
    return yaml.safe_load(variable["value"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", BY_NAME, ids=" ".join)
def test_its_schemas(name, version):
    kubernetes_validate.validate(BY_NAME[name], version, strict=True)


def test_a_misspelt_field_is_found():
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(JOB | {"spec": JOB["spec"] | {"backofLimit": 1}}, VERSIONS[0], strict=True)


def test_versions_are_those_of_the_engine_that_was_tried():
    poms = [(ROOT / "engines" / name).read_text(encoding="utf-8") for name in ("flink/pom.xml", "pom.xml")]
    flink, beam = (re.search(rf"<{name}.version>(.*?)</", "".join(poms))[1] for name in ("flink", "beam"))
    images = {each["image"] for each in containers()}
    assert images == {
        f"flink:{flink}-scala_2.12-java17",
        f"apache/beam_flink{flink.rpartition('.')[0]}_job_server:{beam}",
        "WORKER",
        "PROGRAM",
    }


def test_every_selector_finds_its_pods_and_ports():
    labels = [pod["metadata"]["labels"] for pod in pods()]
    for each in OBJECTS:
        selector = each["spec"].get("selector") if "spec" in each else None
        wanted = (selector or {}).get("matchLabels", selector)
        assert wanted is None or sum(wanted.items() <= found.items() for found in labels) == 1
    (container,) = pods_by_role()["job-manager"]["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert {each["name"]: each["port"] for each in BY_NAME["Service", "flink"]["spec"]["ports"]} == ports


def test_the_parts_name_each_other():
    (server,) = JOB["spec"]["template"]["spec"]["initContainers"]
    (program,) = JOB["spec"]["template"]["spec"]["containers"]
    address = next(word.partition("=")[2] for word in server["args"] if word.startswith("--flink-master="))
    service = BY_NAME["Service", "flink"]
    assert address == f"{service['metadata']['name']}:8081" and f"--flink_master={address}" in program["args"]
    for role in ("job-manager", "task-manager"):
        assert flink_properties(role)["jobmanager.rpc.address"] == service["metadata"]["name"]
    managers = BY_NAME["Deployment", "task-manager"]["spec"]["replicas"]
    slots = managers * flink_properties("task-manager")["taskmanager.numberOfTaskSlots"]
    assert f"--parallelism={slots}" in program["args"]


def test_nobody_else_reaches_a_port():
    policy = BY_NAME["NetworkPolicy", "arith"]["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    (rule,) = policy["ingress"]
    (allowed,) = rule["from"]
    chosen = policy["podSelector"]["matchLabels"]
    assert allowed == {"podSelector": {"matchLabels": chosen}}
    assert all(chosen.items() <= pod["metadata"]["labels"].items() for pod in pods())
    assert not any("hostPort" in port for each in containers() for port in each.get("ports", []))


@pytest.mark.parametrize("container", containers(), ids=lambda each: each["name"])
def test_every_container_has_bounds(container):
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize("container", containers(), ids=lambda each: each["name"])
def test_who_is_not_root_has_a_number(container):
    """Kubernetes cannot tell whether a user that an image only names is root, and does not start it then."""
    chosen = container["securityContext"]
    assert chosen.get("runAsNonRoot") is None or chosen["runAsUser"] > 0


def test_a_lost_part_is_made_again():
    """After more seconds than workers are kept for."""
    found = flink_properties("job-manager")
    delay = int(found["restart-strategy.fixed-delay.delay"].removesuffix(" s"))
    kept = next(word.partition("=")[2] for word in flags() if word.startswith("--environment_cache_millis"))
    assert found["restart-strategy.type"] == "fixed-delay" and 1000 * delay > int(kept)


def flags():
    """Beam's flags of the job."""
    (program,) = JOB["spec"]["template"]["spec"]["containers"]
    return [word for word in program["args"] if re.match("--[a-z]+_|--runner|--parallelism|--experiments", word)]


def test_no_file_is_sent_to_the_workers():
    """The job server would keep it where other pods cannot read it."""
    pipeline = beam.Pipeline(options=pipeline_options(flags()))
    pipeline | beam.Create([1])
    sent = [each for found in environments(pipeline) for each in found.dependencies]
    assert sent == []


def environments(pipeline):
    """Those of the job that Beam's portable runner would submit."""
    proto = PortableRunner.get_proto_pipeline(pipeline, pipeline.options)
    return proto.components.environments.values()


def test_beam_takes_the_flags_of_the_job():
    options = pipeline_options(flags()).get_all_options()
    assert options["environment_type"] == "EXTERNAL"
    assert options["environment_config"] == "localhost:50000"
    assert options["job_endpoint"] == "localhost:8099"
