"""Jobs for Slurm: what is written, what a cluster would do with it, what is refused."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bytelatent.distributed.slurm import directive
from bytelatent.stool import StoolArgs, main, split_words

ROOT = Path(__file__).parents[1]
NASTY = """it's a "run" $(touch pwned) `id` & more; #1"""

RECORD = """#!{python}
import json, os, sys
with open(os.environ["RECORDS"], "a") as file:
    kept = {{key: os.environ.get(key) for key in {keys}}}
    file.write(json.dumps([{name!r}, sys.argv[1:], os.getcwd(), kept]) + "\\n")
"""

SBATCH = """
os.environ |= {"SLURM_JOB_ID": "70123", "SLURM_JOB_NODELIST": "n[1-2]"}
print("Submitted batch job 70123")
sys.stdout.flush()
os.execvp("bash", ["bash", sys.argv[1]])
"""
"""Runs the job at once, in this process."""

SCONTROL = """
if sys.argv[1] == "show":
    print("localhost\\nn2")
"""

SRUN = """
import subprocess
words = sys.argv[1:]
options = [word for word in words if word.startswith("--")]
command = words[words.index("bash"):]
nodes = int(next(o for o in options if o.startswith("--nodes=")).partition("=")[2])
running = [
    subprocess.Popen(command, env=os.environ | {"SLURM_NODEID": str(node)})
    for node in range(nodes)
]
sys.exit(max(process.wait() for process in running))
"""

TORCHRUN = """
import subprocess
sys.exit(subprocess.run(sys.argv[sys.argv.index("--no-python") + 1:]).returncode and 1)
"""
"""Like the real one, it makes 1 of every code but 0."""

PYTHON3 = """
from pathlib import Path
import signal, time
code = os.environ.get("SCRIPT_ENDS_WITH", "0")
if code == "signal":
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75))
    Path(os.environ["READY"]).touch()
    time.sleep(60)
    sys.exit(3)
sys.exit(int(code))
"""


def program(path: Path, name: str, body: str = "", keys: tuple[str, ...] = ()) -> None:
    path.mkdir(parents=True, exist_ok=True)
    head = RECORD.format(python=sys.executable, name=name, keys=keys)
    (path / name).write_text(head + body)
    (path / name).chmod(0o755)


class Cluster:
    """Programs that stand for Slurm and torch, and what they were told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.env = folder, folder / "my env"
        program(folder / "bin", "sbatch", SBATCH)
        program(folder / "bin", "scontrol", SCONTROL)
        program(folder / "bin", "srun", SRUN)
        program(self.env / "bin", "torchrun", TORCHRUN)
        program(self.env / "bin", "python3", PYTHON3, ("PYTHONPATH", "PYTHONSAFEPATH"))
        activate = f"export PATH={shlex.quote(str(self.env / 'bin'))}:$PATH\n"
        (self.env / "bin" / "activate").write_text(activate)
        monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("RECORDS", str(folder / "records.jsonl"))
        monkeypatch.delenv("PYTHONPATH", raising=False)

    def calls(self, name: str) -> list[list]:
        path = self.folder / "records.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [rest for who, *rest in map(json.loads, lines) if who == name]


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> Cluster:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text("name: from-config\ndump_dir: runs/one\nsteps: 3\n")
    return Cluster(tmp_path / "cluster", monkeypatch)


def stool(cluster: Cluster, *words: str) -> int:
    settings = ["script=bytelatent.release", "config=run.yaml", f"env={cluster.env}"]
    return main([*settings, *words])


def header(script: Path) -> list[str]:
    return [line for line in script.read_text().splitlines() if line.startswith("#SBATCH")]


def check_syntax(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)


def test_it_writes_a_script_and_copies_the_code(cluster, tmp_path, capsys) -> None:
    words = ["nodes=2", "ngpu=8", "partition=gpu", "time=90", "mem=200G", "exclude=n[3-4]"]
    assert stool(cluster, *words, "dry_run=true") == 0
    run = tmp_path / "runs" / "one"
    assert capsys.readouterr().out == f"wrote {run / 'submit.slurm'}\n"
    check_syntax(run / "submit.slurm")
    assert header(run / "submit.slurm") == [
        '#SBATCH --job-name="from-config"',
        '#SBATCH --nodes="2"',
        '#SBATCH --ntasks-per-node="1"',
        '#SBATCH --cpus-per-task="32"',
        '#SBATCH --gpus-per-node="8"',
        '#SBATCH --mem="200G"',
        '#SBATCH --time="90"',
        '#SBATCH --partition="gpu"',
        '#SBATCH --exclude="n[3-4]"',
        f'#SBATCH --output="{run}/logs/%j.out"',
        '#SBATCH --open-mode="append"',
        '#SBATCH --signal="USR1@120"',
        "#SBATCH --requeue",
    ]
    code = run / "code"
    assert (code / "config.yaml").read_text() == (tmp_path / "run.yaml").read_text()
    assert (code / "bytelatent" / "configs" / "debug.yaml").is_file()
    assert (code / "pyproject.toml").is_file()
    assert not list(code.rglob("__pycache__"))
    assert sorted(path.name for path in run.iterdir()) == ["code", "logs", "submit.slurm"]
    assert not cluster.calls("sbatch")


def test_a_cluster_runs_it(cluster, tmp_path, capsys) -> None:
    assert stool(cluster, "nodes=2", "nproc=4", "ncpu=2", "steps=9", "--", "name=model") == 0
    run = tmp_path / "runs" / "one"
    assert capsys.readouterr().out.splitlines()[-1] == "Submitted batch job 70123"
    assert cluster.calls("sbatch")[0][0] == [str(run / "submit.slurm")]
    options = cluster.calls("srun")[0][0]
    assert {"--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=8"} <= set(options)
    assert f"--output={run}/logs/70123.0.node%n.out" in options
    torchruns = sorted(words for words, *_ in cluster.calls("torchrun"))
    assert [words[2] for words in torchruns] == ["--node-rank=0", "--node-rank=1"]
    for words in torchruns:
        assert {"--nnodes=2", "--nproc-per-node=4", "--master-addr=localhost"} <= set(words)
        assert "--master-port=20123" in words
    assert len(cluster.calls("python3")) == 2
    words, where, kept = cluster.calls("python3")[0]
    config = f"config={run}/code/config.yaml"
    assert words == ["-m", "bytelatent.release", config, "steps=9", "name=model"]
    assert where == str(tmp_path)
    assert kept == {"PYTHONPATH": f"{run}/code", "PYTHONSAFEPATH": "1"}
    assert not [call for call in cluster.calls("scontrol") if call[0][0] == "requeue"]


def test_the_copied_code_is_what_runs(cluster, tmp_path) -> None:
    stool(cluster, "dry_run=true")
    (tmp_path / "bytelatent").mkdir()
    (tmp_path / "bytelatent" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    done = subprocess.run(
        [sys.executable, "-c", "import bytelatent; print(bytelatent.__file__)"],
        env={"PYTHONPATH": str(tmp_path / "runs/one/code"), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "runs/one/code/bytelatent/__init__.py")


def run_job(script: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["sbatch", script], env=os.environ | environment, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("ends_with", "code", "requeued"), [("0", 0, False), ("75", 0, True), ("3", 1, False)]
)
def test_saved_and_asking_for_more_goes_back_into_the_queue(
    cluster, tmp_path, ends_with, code, requeued
) -> None:
    stool(cluster, "nodes=2", "dry_run=true")
    done = run_job(tmp_path / "runs/one/submit.slurm", SCRIPT_ENDS_WITH=ends_with)
    assert done.returncode == code
    calls = [words for words, *_ in cluster.calls("scontrol") if words[0] == "requeue"]
    assert calls == ([["requeue", "70123"]] if requeued else [])


def test_an_attempt_does_not_inherit_the_wish_of_the_one_before(cluster, tmp_path) -> None:
    stool(cluster, "dry_run=true")
    script = tmp_path / "runs/one/submit.slurm"
    run_job(script, SCRIPT_ENDS_WITH="75")
    run_job(script, SLURM_RESTART_COUNT="1")
    assert len([w for w, *_ in cluster.calls("scontrol") if w[0] == "requeue"]) == 1


def test_the_signal_reaches_the_script(cluster, tmp_path) -> None:
    stool(cluster, "dry_run=true")
    node = tmp_path / "runs/one/code/bytelatent/templates/node.sh"
    environment = {
        "STOOL_NODES": "1",
        "STOOL_PROCESSES": "1",
        "STOOL_MASTER": "localhost",
        "STOOL_PORT": "1",
        "SLURM_NODEID": "0",
        "STOOL_AGAIN": str(tmp_path / "again"),
        "READY": str(tmp_path / "ready"),
        "SCRIPT_ENDS_WITH": "signal",
        "PATH": f"{cluster.env / 'bin'}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path / "tmp"),
    }
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(["bash", node, "python3"], env=os.environ | environment)
    until = time.monotonic() + 120
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(120) == 0
    assert (tmp_path / "again").exists()
    assert not list((tmp_path / "tmp").iterdir())


def test_no_value_is_taken_for_shell(cluster, tmp_path) -> None:
    nasty = tmp_path / NASTY.replace("/", "")
    nasty.mkdir()
    (nasty / "run.yaml").write_text("steps: 1")
    words = [f"dump_dir={nasty}/run", f"name={NASTY}", f"config={nasty}/run.yaml", f"a.b={NASTY}"]
    assert main(["script=bytelatent.release", f"env={cluster.env}", *words]) == 0
    script = nasty / "run" / "submit.slurm"
    check_syntax(script)
    told, *_ = cluster.calls("python3")[0]
    assert told[2:] == [f"config={nasty}/run/code/config.yaml", f"a.b={NASTY}"]
    assert header(script)[0] == directive("job-name", NASTY)
    assert not list(tmp_path.rglob("pwned"))
    assert not list(ROOT.glob("pwned"))


def test_a_header_line_reads_back_as_it_was() -> None:
    assert shlex.split(directive("job-name", NASTY + "\\"), comments=True) == []
    line = directive("job-name", NASTY + "\\").removeprefix("#SBATCH ")
    assert shlex.split(line) == [f"--job-name={NASTY}\\"]


def test_another_run_is_not_overwritten(cluster, tmp_path, capsys) -> None:
    run = tmp_path / "runs" / "one"
    assert stool(cluster, "dry_run=true") == 0
    before = (run / "code" / "config.yaml").stat().st_ino
    assert stool(cluster, "dry_run=true") == 0, "the same run may be written again"
    assert (run / "code" / "config.yaml").stat().st_ino == before, "its code is left alone"
    assert stool(cluster, "dry_run=true", "nodes=2") == 1
    assert "holds another run (submit.slurm differs)" in capsys.readouterr().err
    (tmp_path / "run.yaml").write_text("dump_dir: runs/one\nname: from-config\nsteps: 4\n")
    assert stool(cluster, "dry_run=true") == 1
    assert "(config.yaml differs)" in capsys.readouterr().err
    assert "steps: 3" in (run / "code" / "config.yaml").read_text()
    assert stool(cluster, "dry_run=true", "override=true") == 0
    assert "steps: 4" in (run / "code" / "config.yaml").read_text()
    assert sorted(path.name for path in run.iterdir()) == ["code", "logs", "submit.slurm"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["partitoin=gpu"], "partitoin: unknown key; the nearest known one is partition"),
        (["nodes=0"], "nodes: Input should be greater than or equal to 1 (got '0')"),
        (["nodes=1", "nodes=2"], "nodes: given twice"),
        (["nodes"], "'nodes' is no setting"),
        (["mem=lots"], "mem: "),
        (["name=two\nlines"], "name: Value error, must be one line"),
        (["account="], "account: Value error, must be one line"),
        (["a=b\nc"], "must be one line of printable characters"),
        (["dump_dir=a:b"], "dump_dir: Value error, must not hold ':'"),
        (["time=2", "signal_lead=120"], "signal_lead: 120 s is not less than time, 2 min"),
        (["script=bytelatent.trian"], "script: bytelatent.trian is no command of this package"),
        (["script=os.path"], "script: os.path is no command of this package"),
        (["env=nowhere/at/all"], "env: nowhere/at/all is no environment"),
        (["config=none.yaml"], "none.yaml does not exist"),
    ],
)
def test_bad_values_are_named(cluster, capsys, tmp_path, words, message) -> None:
    given = {word.partition("=")[0] for word in words}
    defaults = ["script=bytelatent.release", "config=run.yaml", f"env={cluster.env}"]
    kept = [word for word in defaults if word.partition("=")[0] not in given]
    assert main([*kept, *words, "dry_run=true"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "runs").exists()


def test_a_folder_must_be_named(cluster, capsys) -> None:
    assert main(["script=bytelatent.release", "dry_run=true"]) == 1
    assert "dump_dir: missing, here and in the configuration" in capsys.readouterr().err


def test_without_slurm_the_script_is_there_and_said_to_be(cluster, capsys, tmp_path) -> None:
    (tmp_path / "cluster/bin/sbatch").unlink()
    assert stool(cluster) == 1
    assert "no sbatch here" in capsys.readouterr().err
    assert (tmp_path / "runs/one/submit.slurm").is_file()


def test_what_sbatch_says_is_passed_on(cluster, capsys) -> None:
    program(cluster.folder / "bin", "sbatch", "sys.exit('invalid partition specified: moon')")
    assert stool(cluster, "partition=moon") == 1
    assert "invalid partition specified: moon" in capsys.readouterr().err


def test_a_wrong_training_configuration_shows_before_the_queue(cluster, capsys, tmp_path) -> None:
    config = ROOT / "bytelatent" / "configs" / "debug.yaml"
    words = ["script=bytelatent.train", f"config={config}", f"dump_dir={tmp_path}/run"]
    assert main([*words, f"env={cluster.env}", "optim.lrr=1", "dry_run=true"]) == 1
    assert "optim.lrr: unknown key; the nearest known one is optim.lr" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_command_of_the_readme(cluster, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (tmp_path / "bytelatent").symlink_to(ROOT / "bytelatent")
    words = "script=bytelatent.train config=bytelatent/configs/debug.yaml nodes=1 partition=debug"
    assert main([*words.split(), "dry_run=true"]) == 0
    check_syntax(tmp_path / "runs/debug/submit.slurm")


def test_words_after_two_dashes_are_the_scripts() -> None:
    assert split_words(["nodes=2", "a.b=1", "--", "name=x", "verbose"]) == (
        {"nodes": "2"},
        ["a.b=1", "name=x", "verbose"],
    )


def test_the_documented_settings_are_all_there_are() -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    section = page.split("# On a Slurm cluster")[1].split("| option |")[1].split("\n\n")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines()[2:]]
    documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert documented == StoolArgs.model_fields.keys() - {"dry_run"}


def test_help_lists_the_settings(capsys) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert "partition, account, qos" in capsys.readouterr().out
