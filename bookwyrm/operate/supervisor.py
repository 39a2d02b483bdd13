"""Hold the listening socket, and keep a generation of web workers and a background worker running behind it.

``python -m bookwyrm.operate.supervisor`` is started by ``bw-dev up``. It starts nothing by itself: `load` does, the
first time and every time the settings changed. A load that fails leaves whatever ran before as it was.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import env
from . import control, systemd
from .log_files import LogWriter, log_file
from .processes import FIRST_PAUSE, STEADY_SECONDS, Process, leave_no_core_dump, pause_before_restart
from .web import Address, Generation, NotAnswering, listen

# How long a replaced process may finish what it has begun.
WEB_FAREWELL, WORKER_FAREWELL = 70.0, 60.0
# How long the whole site may take to stop; what a worker is torn out of is queued again by the next one.
DOWN_SECONDS = 10.0
# Connections that came in through an address which is given up are still taken during this time.
LAST_CALL = 0.5

TURN = 0.2

EVERY_ADDRESS = ("0.0.0.0", "::", "[::]")  # noqa: S104 - recognised here, chosen in env.py


class LoadRefused(Exception):
    """The settings could not be loaded; what ran before still runs. The message says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One set of settings as the processes got it: frozen, so that a later edit reaches nobody before it is checked."""

    address: Address
    site_url: str
    python: str
    environment: Mapping[str, str] = field(repr=False)
    when: float
    file: Path


@dataclass
class Leaving:
    """Something that has been told to end, and when it is ended for good."""

    subject: Generation | Process
    deadline: float

    @property
    def process(self) -> Process:
        return self.subject.process if isinstance(self.subject, Generation) else self.subject


@dataclass
class Watched:
    """How often something crashed in a row, and when it may be started again."""

    crashes: int = 0
    restarts: int = 0
    not_before: float = 0.0

    def crashed(self, steady: bool) -> float:
        self.crashes = 1 if steady else self.crashes + 1
        self.restarts += 1
        pause = pause_before_restart(self.crashes)
        self.not_before = time.monotonic() + pause
        return pause


class Supervisor:
    """The one process that lives from ``up`` to ``down``. All its methods run on the main thread, except `snapshot`."""

    def __init__(self, state: Path, *, foreground: bool) -> None:
        self.state = state
        self.log = LogWriter(log_file(state), echo=foreground)
        self.sockets = control.socket_directory(state)
        self.listeners: list[socket.socket] = []
        self.loaded: Loaded | None = None
        self.generation: Generation | None = None
        self.worker: Process | None = None
        self.leaving: list[Leaving] = []
        self.web_watch, self.worker_watch = Watched(), Watched()
        self.frozen = state / "run"
        self.number = 0
        self.started = time.time()
        self.stopping = False
        self.control = control.Listener(self.sockets / "control", self._answer_at_once)
        self._forget_frozen_settings()

    # The main loop

    def run(self) -> None:
        while not self.stopping:
            self.look_after_processes()
            try:
                request = self.control.requests.get(timeout=TURN)
            except queue.Empty:
                continue
            request.answer.put(self.obey(request.message))
        self.stop()

    def obey(self, message: control.Message) -> control.Message:
        match message.get("do"):
            case "load":
                try:
                    self.load(message["environment"], message["python"])
                except (LoadRefused, OSError) as refusal:
                    return {"ok": False, "reason": str(refusal)}
                return {"ok": True}
            case "stop":
                self.stopping = True
                return {"ok": True}
        return {"ok": False, "reason": "this supervisor does not know that request; run ./bw-dev down, then up"}

    def _answer_at_once(self, message: control.Message) -> control.Message | None:
        return self.snapshot() if message.get("do") == "status" else None

    # Loading settings

    def load(self, process_environment: Mapping[str, str], python: str = sys.executable) -> None:
        """Bring up a generation with the settings as they are now, and only then let go of the one before.

        *python* is the caller's: after an upgrade it has other packages than the one this process runs in.
        """
        if self.generation:
            systemd.notify("RELOADING=1")
        try:
            new = self._freeze(process_environment, python)
            listeners = self._listeners_for(new.address)
            try:
                generation = self._new_generation(listeners, new)
                generation_is_well = False
                try:
                    generation.check(new.address)
                    generation_is_well = True
                except NotAnswering as problem:
                    raise LoadRefused(f"{problem}. {self._what_goes_on()}") from None
                finally:
                    if not generation_is_well:
                        generation.close()
            except LoadRefused:
                for listener in listeners:
                    if listener not in self.listeners:
                        listener.close()
                new.file.unlink(missing_ok=True)
                raise
            self._switch_to(generation, new, listeners)
        finally:
            if self.generation:
                systemd.notify("READY=1")

    def _freeze(self, process_environment: Mapping[str, str], python: str) -> Loaded:
        environment = env.read(process_environment)
        if problems := env.check(environment):
            raise LoadRefused(str(env.BadEnvironment(problems, environment.source)))
        self.number += 1
        self.frozen.mkdir(mode=0o700, exist_ok=True)
        frozen = self.frozen / f"settings-{self.number}.env"
        with os.fdopen(os.open(frozen, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            if environment.source.exists():
                copy.write(environment.source.read_bytes())
        address = Address(
            env.bind_address(environment),
            environment.number("PORT"),
            environment.text("DOMAIN"),
            environment.flag("USE_HTTPS"),
        )
        inherited = {name: value for name, value in os.environ.items() if name not in env.VARIABLES}
        inherited |= process_environment
        for name in ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"):
            inherited.pop(name, None)
        inherited |= {
            "BOOKWYRM_ENV_FILE": str(frozen),
            "BOOKWYRM_STATE_DIR": str(self.state),
            "WEB_WORKERS": environment.text("WEB_WORKERS"),
            "PYTHONUNBUFFERED": "1",
        }
        return Loaded(address, env.site_url(environment), python, inherited, time.time(), frozen)

    def _listeners_for(self, address: Address) -> list[socket.socket]:
        current = self.loaded.address if self.loaded else None
        if current and (current.host, current.port) == (address.host, address.port):
            return self.listeners
        overlapping = [one for one in self.listeners if one.getsockname()[1] == address.port]
        try:
            listener = listen(address.host, address.port, beside=overlapping)
            # A narrower socket stays beside the one for every address: connections go to the narrowest that fits, and
            # closing it would break off those that wait in it.
            return [listener, *(overlapping if address.host in EVERY_ADDRESS else [])]
        except OSError as error:
            where = f"{address.host}:{address.port}"
            raise LoadRefused(
                f"The site cannot listen on {where} ({error.strerror}). Set PORT in .env to a free port, or stop the "
                f"program that uses {address.port}."
            ) from None

    def _new_generation(self, listeners: list[socket.socket], settings: Loaded) -> Generation:
        self.note(f"starting web workers, generation {self.number}")
        return Generation(self.number, listeners, self.sockets, settings.python, settings.environment, self.log.write)

    def _what_goes_on(self) -> str:
        if self.generation is None:
            return "Nothing runs now; ./bw-dev logs shows what they wrote."
        return "The workers from before go on as they were; ./bw-dev logs shows what the new ones wrote."

    def _switch_to(self, generation: Generation, settings: Loaded, listeners: list[socket.socket]) -> None:
        generation.open_gate()
        self.note(f"generation {generation.number} serves the public")
        if given_up := [one for one in self.listeners if one not in listeners]:
            time.sleep(LAST_CALL)
            for listener in given_up:
                listener.shutdown(socket.SHUT_RDWR)  # for the copies in the old workers, too
                listener.close()
        if self.generation is not None:
            self.generation.drain()
            self.leaving.append(Leaving(self.generation, time.monotonic() + WEB_FAREWELL))
        old = self.loaded
        self.generation, self.listeners, self.loaded = generation, listeners, settings
        self.web_watch = Watched()
        self._replace_worker()
        if old is not None:
            old.file.unlink(missing_ok=True)

    # Background work

    def _replace_worker(self) -> None:
        if self.worker is not None and self.worker.is_running():
            self.worker.send(signal.SIGTERM)
            self.leaving.append(Leaving(self.worker, time.monotonic() + WORKER_FAREWELL))
        self.worker_watch = Watched()
        self._start_worker()

    def _start_worker(self) -> None:
        assert self.loaded is not None
        self.worker = Process.start(
            "worker",
            [self.loaded.python, "manage.py", "background_worker"],
            environment=self.loaded.environment,
            write_line=self.log.write,
            cwd=env.CHECKOUT,
        )

    # Looking after what runs

    def look_after_processes(self) -> None:
        self._bury_the_leaving()
        try:
            if self.generation and not self.generation.process.is_running():
                self._restart_web()
            if self.worker and not self.worker.is_running():
                self._restart_worker()
        except OSError as error:
            # No memory, no process, no disk: none of it is a reason to end what still runs.
            self.note(f"could not start a process ({error.strerror}); trying again")
            time.sleep(FIRST_PAUSE)

    def _bury_the_leaving(self) -> None:
        for one in list(self.leaving):
            if one.process.is_running() and time.monotonic() < one.deadline:
                continue
            self.leaving.remove(one)
            one.subject.close() if isinstance(one.subject, Generation) else one.subject.kill()

    def _restart_web(self) -> None:
        assert self.generation and self.loaded
        if self.web_watch.not_before == 0.0:
            self._note_crash(self.generation.process, self.web_watch)
        if time.monotonic() < self.web_watch.not_before:
            return
        self.generation.close()
        self.number += 1
        self.generation = self._new_generation(self.listeners, self.loaded)
        # These settings have served before, and nobody else answers now: the public need not wait for a check.
        self.generation.open_gate()
        self.web_watch.not_before = 0.0

    def _restart_worker(self) -> None:
        assert self.worker
        if self.worker_watch.not_before == 0.0:
            self._note_crash(self.worker, self.worker_watch)
        if time.monotonic() < self.worker_watch.not_before:
            return
        self.worker.kill()
        self._start_worker()
        self.worker_watch.not_before = 0.0

    def _note_crash(self, process: Process, watched: Watched) -> None:
        pause = watched.crashed(steady=process.seconds_up() > STEADY_SECONDS)
        self.note(f"{process.name} (pid {process.pid}) ended unasked; starting it again in {pause:.0f} s")

    # The end

    def stop(self) -> None:
        """End everything within `DOWN_SECONDS`: first politely, then less so."""
        systemd.notify("STOPPING=1")
        self.note("stopping")
        for listener in self.listeners:
            listener.close()
        generations = [one.subject for one in self.leaving if isinstance(one.subject, Generation)]
        workers = [one.subject for one in self.leaving if isinstance(one.subject, Process)]
        generations += [self.generation] if self.generation else []
        workers += [self.worker] if self.worker else []
        for generation in generations:
            generation.drain()
        for worker in workers:
            worker.send(signal.SIGTERM)
        processes = [generation.process for generation in generations] + workers
        _wait_for(processes, DOWN_SECONDS * 0.6)
        for generation in generations:
            generation.hurry()
        for worker in workers:
            # The worker gives back what it has begun, and the next one takes it up at once.
            worker.send(signal.SIGQUIT)
        _wait_for(processes, DOWN_SECONDS * 0.4)
        for generation in generations:
            generation.close()
        for worker in workers:
            worker.kill()
        self.note("stopped")
        self._forget_frozen_settings()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def _forget_frozen_settings(self) -> None:
        for copy in self.frozen.glob("settings-*.env"):
            copy.unlink()

    # Telling

    def note(self, text: str) -> None:
        self.log.write("supervisor", text)

    def snapshot(self) -> dict[str, Any]:
        """Return what ``bw-dev status`` shows. Runs on a control thread: it only reads."""
        loaded, generation, worker = self.loaded, self.generation, self.worker
        processes = [_described("supervisor", os.getpid(), "running", self.started, 0)]
        if generation is not None:
            state = "running" if generation.process.is_running() else "restarting"
            process = generation.process
            processes.append(_described("web", process.pid, state, process.started, self.web_watch.restarts))
        if worker is not None:
            state = "running" if worker.is_running() else "restarting"
            processes.append(_described("worker", worker.pid, state, worker.started, self.worker_watch.restarts))
        for one in list(self.leaving):
            processes.append(_described(one.process.name, one.process.pid, "finishing", one.process.started, 0))
        return {
            "ok": True,
            "running": generation is not None,
            "generation": generation.number if generation else None,
            "address": f"{loaded.site_url}/" if loaded else None,
            "settings_loaded_at": loaded.when if loaded else None,
            "processes": processes,
        }


def _described(name: str, pid: int, state: str, since: float, restarts: int) -> dict[str, Any]:
    return {"name": name, "pid": pid, "state": state, "since": since, "restarts": restarts}


def _wait_for(processes: list[Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for process in processes:
        process.wait(deadline - time.monotonic())


class AlreadyRunning(Exception):
    """Another supervisor holds this state directory."""


def claim(state: Path) -> int:
    """Return a locked descriptor that is held for life; raise `AlreadyRunning` if somebody else holds it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(state / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning from None
    return descriptor


def client_environment() -> dict[str, str]:
    """Return the part of this process's environment that a load depends on; it is sent to the supervisor each time."""
    names = [*env.VARIABLES, "BOOKWYRM_ENV_FILE", "MEDIA_ROOT"]
    return {"BOOKWYRM_ENV_FILE": str(env.env_file().absolute())} | {
        name: os.environ[name] for name in names if name in os.environ and name != "BOOKWYRM_ENV_FILE"
    }


def main(arguments: list[str]) -> int:
    leave_no_core_dump()
    foreground = "--foreground" in arguments
    state = env.state_directory().absolute()
    try:
        claim(state)
    except AlreadyRunning:
        print("The site already runs from this checkout.", file=sys.stderr)
        return 1
    supervisor = Supervisor(state, foreground=foreground)

    def stop(*_: object) -> None:
        supervisor.stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN if not foreground else stop)
    record = state / "supervisor.json"
    record.write_text(json.dumps({"pid": os.getpid(), "control": str(supervisor.sockets / "control")}))
    try:
        if foreground:
            try:
                supervisor.load(client_environment())
            except LoadRefused as refusal:
                print(refusal, file=sys.stderr)
                supervisor.stop()
                return 1
        supervisor.run()
    finally:
        record.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
