"""Start, change, watch and stop the site. Every command returns the exit code of docs/reference/exit-codes.md."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from .. import env
from . import control, wishes
from .log_files import follow, last_lines, log_file
from .supervisor import DOWN_SECONDS, client_environment
from .web import ANSWER_SECONDS, START_SECONDS, listen

OK, FAILED, WRONG_SETTINGS, NOTHING_RUNS = 0, 1, 2, 3

# A supervisor has imported nothing of the site yet when it answers first.
SUPERVISOR_SECONDS = 15.0


class CommandFailed(Exception):
    """The command ends here; the message is for the person who gave it."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# Looking


def state() -> Path:
    return env.state_directory().absolute()


def snapshot() -> dict | None:
    """Return what the supervisor says of itself, or None where none runs."""
    try:
        return control.ask(state(), {"do": "status"})
    except control.NotRunning:
        return None


def checked_environment() -> env.Environment:
    environment = env.read()
    for hint in env.hints(environment):
        say(f"note: {hint}")
    if problems := env.check(environment):
        text = str(env.BadEnvironment(problems, environment.source))
        if snapshot():
            text += "\nWhat runs goes on unchanged."
        raise CommandFailed(text, WRONG_SETTINGS)
    return environment


def say(text: str) -> None:
    print(text, flush=True)


# Preparing


def prepare() -> None:
    """Bring the database and the static files in step with the code. What runs meanwhile keeps running."""
    _manage_telling_what_was_used("prepare", option="--used-store")


def write_down_where_files_are() -> None:
    """See that the database says where the files are, before settings are loaded that want them elsewhere."""
    _manage_telling_what_was_used("moves", "begin", option="--store")


def _manage_telling_what_was_used(*arguments: str, option: str) -> None:
    used = wishes.of_what_runs(state()) if snapshot() else None
    if code := manage(*arguments, *(() if used is None else (f"{option}={used}",))):
        raise CommandFailed("That failed; what runs was left as it is.", code)


def manage(*arguments: str) -> int:
    """Run one of the site's own commands in a process of its own, and return its exit code."""
    command = [sys.executable, str(env.CHECKOUT / "manage.py"), *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - the command is ours
    return abs(done.returncode)


def is_running_or_may_start(environment: env.Environment) -> bool:
    """Return whether the site runs; if it does not, its port has to be free. Asked once no other ``up`` is at work."""
    running = snapshot() is not None
    if not running:
        refuse_a_busy_port(environment)
    return running


def refuse_a_busy_port(environment: env.Environment) -> None:
    host, port = env.bind_address(environment), environment.number("PORT")
    try:
        listen(host, port).close()
    except OSError as error:
        raise CommandFailed(
            f"PORT: found {port}, which cannot be listened on ({host}: {error.strerror}); expected a free port.\n"
            f"Set PORT in {environment.source} to another one, or stop the program that uses it.",
            WRONG_SETTINGS,
        ) from None


# The commands


def up(options: argparse.Namespace) -> int:
    environment = checked_environment()
    with one_at_a_time():
        running = is_running_or_may_start(environment)
        prepare()
        wish = wishes.Wish(state(), env.media_store(environment))
        if not running and not options.detach:
            # Nobody answers yet who would have to be up before files go anywhere; the worker finds what is asked for.
            ask_for_moves(wish)
            return stay_in_foreground(environment)
        load_and_move(wish, start=not running)
    wait_for_a_page(environment)
    tell_where(environment, loaded_again=running)
    return OK


def load_and_move(wish: wishes.Wish, *, start: bool) -> None:
    """Load the settings; if they want files elsewhere now, ask for the move only once all workers have them.

    A move that goes elsewhere is withdrawn before, so that the new worker does not take it up.
    """
    withdrawn = told_by("moves", "withdraw") if wish.was_edited else None
    try:
        load(start=start)
    except CommandFailed:
        if withdrawn:
            manage("moves", "ask_again", *withdrawn)
        raise
    ask_for_moves(wish)


def ask_for_moves(wish: wishes.Wish) -> None:
    """Ask for what ``.env`` wants if it was edited on this host since it was loaded here the last time."""
    if wish.was_edited and (code := manage("moves", "ask")):
        raise CommandFailed("The settings are loaded, but the files were not asked to move.", code)
    wish.remember()


def restart(options: argparse.Namespace) -> int:
    environment = checked_environment()
    with one_at_a_time():
        running = is_running_or_may_start(environment)
        wish = wishes.Wish(state(), env.media_store(environment))
        if not running:
            prepare()
        elif wish.was_edited:
            write_down_where_files_are()
        load_and_move(wish, start=not running)
    wait_for_a_page(environment)
    tell_where(environment, loaded_again=running)
    return OK


class one_at_a_time:  # noqa: N801 - reads as a phrase after "with"
    """Hold off a second ``up`` in the same checkout until the first is through."""

    def __enter__(self) -> None:
        state().mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(state() / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./bw-dev up is at work; waiting for it …")
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def load(*, start: bool) -> None:
    """Have the supervisor take up the settings as they are now; start it first where there is none."""
    if start:
        start_supervisor()
    say("Starting the new workers …" if not start else "Starting …")
    message = {"do": "load", "environment": client_environment(), "python": sys.executable}
    answer = control.ask(state(), message, timeout=START_SECONDS + 2 * ANSWER_SECONDS)
    if not answer["ok"]:
        tail = "\n".join(last_lines(log_file(state()), 15))
        if start:
            stop_supervisor()
        raise CommandFailed(f"The last lines of the log:\n{tail}\n\n{answer['reason']}")


def start_supervisor() -> None:
    log_file(state()).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log_file(state()).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bookwyrm.operate.supervisor"],
            cwd=env.CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A session of its own: it outlives the terminal and the command that started it.
            start_new_session=True,
            env={**os.environ, "BOOKWYRM_STATE_DIR": str(state())},
        )
    deadline = time.monotonic() + SUPERVISOR_SECONDS
    while snapshot() is None:
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(last_lines(log_file(state()), 15))
            raise CommandFailed(f"{tail}\nThe supervisor did not start.")
        time.sleep(0.05)


def stay_in_foreground(environment: env.Environment) -> int:
    tell_where(environment, loaded_again=False, soon=True)
    os.chdir(env.CHECKOUT)
    os.environ["BOOKWYRM_STATE_DIR"] = str(state())
    os.execv(sys.executable, [sys.executable, "-m", "bookwyrm.operate.supervisor", "--foreground"])  # noqa: S606


def wait_for_a_page(environment: env.Environment) -> None:
    """Return once the site answers where people find it (on this machine's side of a proxy)."""
    host, port = env.bind_address(environment), environment.number("PORT")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104
    scheme = "https" if environment.flag("USE_HTTPS") else "http"
    headers = {"Host": environment.text("DOMAIN"), "X-Forwarded-Proto": scheme}
    request = urllib.request.Request(f"http://{host}:{port}/health", headers=headers)
    deadline = time.monotonic() + ANSWER_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(request, timeout=ANSWER_SECONDS).close()
            return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > deadline:
                raise CommandFailed(f"The site started, but does not answer on {host}:{port}: {error}") from None
            time.sleep(0.2)


def tell_where(environment: env.Environment, *, loaded_again: bool, soon: bool = False) -> None:
    if loaded_again:
        say(f"The settings are loaded; the site went on answering: {env.site_url(environment)}/")
        return
    say(f"The site {'will answer' if soon else 'runs'}: {env.site_url(environment)}/")
    say("No account yet? ./bw-dev admin_code prints the code for making the first one.")


def down(options: argparse.Namespace) -> int:
    if not stop_supervisor():
        say("The site does not run.")
        return OK
    say("The site is stopped.")
    return OK


def stop_supervisor() -> bool:
    """Stop the supervisor and wait until it is gone; return False where none runs."""
    running = snapshot()
    if running is None:
        return False
    control.ask(state(), {"do": "stop"}, timeout=START_SECONDS + 2 * ANSWER_SECONDS)
    deadline = time.monotonic() + DOWN_SECONDS + 10
    while is_locked(state() / "supervisor.lock"):
        if time.monotonic() > deadline:
            raise CommandFailed("The supervisor does not end; ./bw-dev status shows its process id.")
        time.sleep(0.05)
    return True


def is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def status(options: argparse.Namespace) -> int:
    waited = wait_for_moves(quietly=options.json) if options.wait else OK
    return show_status(options) or waited


def wait_for_moves(*, quietly: bool) -> int:
    """Return once no files are on their way any more; the exit code says whether they arrived."""
    command = [sys.executable, str(env.CHECKOUT / "manage.py"), "moves", "wait"]
    shown = subprocess.DEVNULL if quietly else None
    return abs(subprocess.run(command, stdin=subprocess.DEVNULL, stdout=shown, check=False).returncode)  # noqa: S603


def told_by(*arguments: str) -> list | None:
    """Return what one of the site's own commands tells as JSON; None if it fails, as without a database."""
    command = [sys.executable, str(env.CHECKOUT / "manage.py"), *arguments]
    try:
        told = subprocess.run(  # noqa: S603 - the command is ours
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=ANSWER_SECONDS
        )
        return json.loads(told.stdout)
    except (subprocess.SubprocessError, json.JSONDecodeError):
        return None


def show_status(options: argparse.Namespace) -> int:
    seen = snapshot()
    environment = env.read()
    problems = [str(problem) for problem in env.check(environment)]
    # What runs answers where its own settings said, whatever the file has come to say since.
    address = (seen or {}).get("address") or (None if problems else env.site_url(environment) + "/")
    if options.json:
        report = seen or {"running": False, "processes": []}
        report = {key: value for key, value in report.items() if key != "ok"}
        files = told_by("moves", "show", "--json") if seen and not problems else None
        say(json.dumps({**report, "address": address, "problems": problems, "files": files}, indent=2))
        return OK if seen and seen["running"] else NOTHING_RUNS
    if seen is None:
        say("The site does not run. Start it with ./bw-dev up -d")
    else:
        say(f"{address or ''}  settings loaded {_when(seen['settings_loaded_at'])}".strip())
        say(f"{'PROCESS':<12}{'PID':>8}  {'STATE':<11}{'SINCE':<20}RESTARTS")
        for one in seen["processes"]:
            say(f"{one['name']:<12}{one['pid']:>8}  {one['state']:<11}{_when(one['since']):<20}{one['restarts']}")
        if not problems:
            say("FILES")
            if manage("moves", "show"):
                say("Where they are could not be asked.")
    for problem in problems:
        say(f"The settings on disk cannot be loaded: {problem}")
    return OK if seen and seen["running"] else NOTHING_RUNS


def _when(timestamp: float | None) -> str:
    return "never" if timestamp is None else datetime.fromtimestamp(timestamp).strftime("%Y-%m-%d %H:%M:%S")


def logs(options: argparse.Namespace) -> int:
    path = log_file(state())
    for line in last_lines(path, options.lines):
        print(line)
    sys.stdout.flush()
    if options.follow:
        for line in follow(path):
            say(line)
    return OK


def check_settings(options: argparse.Namespace) -> int:
    checked_environment()
    say("The settings are well formed.")
    return OK


def parser() -> argparse.ArgumentParser:
    from . import configuring  # It is built on what stands above.

    top = argparse.ArgumentParser(prog="bw-dev", description="Run this site.")
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(function=function)
        return added

    start = command("up", up, "Start the site, or load a changed .env into the running one without failing a request.")
    start.add_argument("-d", "--detach", action="store_true", help="go on in the background")
    command("down", down, "Stop the site.")
    command("restart", restart, "Replace all workers by new ones without failing a request.")
    shown = command("status", status, "Show what runs. Exit code 3 when nothing does.")
    shown.add_argument("--json", action="store_true", help="as JSON")
    shown.add_argument("--wait", action="store_true", help="wait until no files are on their way to another store")
    tail = command("logs", logs, "Show what the site's processes wrote.")
    tail.add_argument("-f", "--follow", action="store_true", help="go on as lines are written")
    tail.add_argument("-n", "--lines", type=int, default=100, help="how many lines to begin with (default: 100)")
    command("check_settings", check_settings, "Say everything that is wrong with .env.")
    asking = "Ask for the storage service, the bucket and its keys, write them into .env, and check the bucket."
    configuring.add_arguments(command("configure_storage", configuring.configure, asking))
    return top


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    try:
        return options.function(options)
    except CommandFailed as failure:
        print(failure, file=sys.stderr)
        return failure.exit_code
    except control.NotRunning:
        print("The supervisor ended in between; ./bw-dev logs shows why.", file=sys.stderr)
        return FAILED
    except PermissionError as error:
        print(f"{error.filename or state()} belongs to somebody else; give this command as that user.", file=sys.stderr)
        return FAILED
    except TimeoutError:
        print("The supervisor did not answer in time; ./bw-dev logs shows what it does.", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # The reader of our output (head, less) has left; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return 130
