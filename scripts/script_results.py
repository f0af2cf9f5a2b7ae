"""How a script of ours writes its result and how it ends: one sentence and an exit code of docs/exit-codes.md, never a traceback.

    result_path(given.out, ".onnx")             before any work: the rule of launch/path_checks.h, Misused (code 2) against it
    require_folder(given.out)                   Refused (code 4): its folder is not made
    different_files(given.out, given.source)    a result does not take the place of what is read
    with whole_file(given.out) as temporary:    there whole or not at all, also when INT, TERM or HUP ends the script
        library.save(model, temporary)
    return ended(given.source, work)            in main(): the sentences and codes of work(), which returns the lines to print
    sys.exit(script(main))
"""
import contextlib
import errno
import os
import signal
import socket
import sys
import unicodedata

FILES_OF_A_RUN = ("lock", "log.jsonl", "metrics.jsonl", "config.toml", "samples.jsonl", "ranks.jsonl", "events.jsonl", "manifest.json", "metrics-address.txt", "final.prom")
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Refused(Exception):
    """One sentence about the source, which is named before it."""
    code = 4


class Misused(Refused):
    """One sentence that says itself what it is about."""
    code = 2


class NotFinite(Refused):
    code = 6


def one_line(text):
    """A name out of a hostile file must be harmless on a terminal, and one that is no Unicode can be printed nowhere."""
    return "".join("?" if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") else c for c in text)


def first_line(problem):
    """What a library's exception says, for a sentence of ours."""
    return ((str(problem).strip() or type(problem).__name__).splitlines()[0])[:160]


def is_run(folder):
    return os.path.isfile(os.path.join(folder, "manifest.json")) and os.path.isdir(os.path.join(folder, "checkpoints"))


def owner_of(whole):
    """owner_of() of launch/path_checks.cpp: whose file or place this is, "" if nobody's."""
    parent, name = os.path.split(whole)
    if is_run(parent) and name in FILES_OF_A_RUN:
        return f"is a file of the run {parent}"
    folder = whole
    while (above := os.path.dirname(folder)) != folder:
        if os.path.isfile(os.path.join(folder, "pack.json")):
            return f"is in the pack {folder}"
        if all(os.path.isfile(os.path.join(folder, name)) for name in ("state.json", "model.safetensors")):
            return f"is in the checkpoint {folder}"
        if folder != whole and os.path.basename(folder) in ("eval", "curves", "explain", "logs", "tensorboard") and is_run(above):
            return f"is a file of the run {above}"
        if os.path.basename(folder) == "checkpoints" and os.path.isfile(os.path.join(above, "manifest.json")):
            return f"is among the checkpoints of {above}"
        folder = above
    return ""


def result_path(out, ending):
    """Misused unless a result may be written there: nothing is replaced but a file of the same ending. `out` is text as given: a
    pathlib.Path has lost the slash at its end."""
    if not out:
        raise Misused("the path of the result is empty; give one")
    if out.endswith("/") or os.path.isdir(out):
        raise Misused(f"{out} is a folder; name a file in it")
    # Both where a link leads and where it lies: the rename replaces the link itself.
    lies_at = os.path.join(os.path.realpath(os.path.dirname(out)), os.path.basename(out))
    for owner in filter(None, map(owner_of, (os.path.realpath(out), lies_at))):
        raise Misused(f"{out} {owner}; name a file elsewhere")
    if os.path.exists(out) and not os.path.isfile(out):
        raise Misused(f"{out} is there and no file; name a file")
    if os.path.splitext(out)[1].lower() != ending:
        there = "is there already and its name" if os.path.exists(out) else "is to be the result, but its name"
        raise Misused(f"{out} {there} does not end in {ending}: nothing is written; name a file that does")


def require_folder(out):
    if not os.path.isdir(os.path.dirname(out) or "."):
        raise Refused(f"{out} cannot be written: its folder is not there")


def different_files(out, *others):
    """Of what the command reads, by name and, for hard links, by inode."""
    for other in map(str, others):
        with contextlib.suppress(OSError):
            if os.path.realpath(out) == os.path.realpath(other) or os.path.samefile(out, other):
                raise Misused(f"{out} names the same file as {other}, which is read; name another file")


def sync_folder(folder):
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as problem:
        if problem.errno != errno.EINVAL:  # some network file systems refuse it; the rename is as durable there as it can be
            raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def whole_file(out):
    """The name of an empty file beside `out`, for a library to write; after the block it is `out`, synchronised, or it is gone. Refused
    where the machine does not let it be written. Only in the main thread: signals end the process as ever, once it is deleted."""
    folder, name = os.path.dirname(out) or ".", os.path.basename(out)
    ending = os.path.splitext(name)[1].lower()
    temporary = os.path.join(folder, f".{name}.tmp.{socket.gethostname()}.{os.getpid()}")  # as support/atomic_file names them

    def delete():
        with contextlib.suppress(OSError):
            os.unlink(temporary)

    def delete_and_end(number, _):
        delete()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = {number: signal.getsignal(number) for number in STOPS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, delete_and_end)
    try:
        delete()  # of a process of this number that was killed
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        mode = os.stat(temporary).st_mode & 0o777
        yield temporary
        os.chmod(temporary, mode)  # safetensors puts a file of mode 600 in its place
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        result_path(out, ending)  # a device may have come there meanwhile
        os.replace(temporary, out)
        sync_folder(folder)
    except OSError as problem:
        raise Refused(f"{out} cannot be written: {problem.strerror or problem}") from None
    finally:
        delete()
        for number, handler in before.items():
            signal.signal(number, handler)


def output_failed(problem, done=""):
    """As launch/main.cpp has it: a reader that has gone, as `| head` does, has had what it wanted; all else is Misused."""
    sys.stdout = None  # else it is tried again at the end, with a traceback
    if not isinstance(problem, BrokenPipeError):
        raise Misused(f"standard output cannot be written: {problem.strerror}; {done}check where it leads") from None


def say(*lines, done=""):
    """On standard output; `done`: what is done all the same where it cannot be written."""
    try:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print("\n".join(one_line(line) for line in lines).encode(encoding, "replace").decode(encoding), flush=True)
    except OSError as problem:
        output_failed(problem, done)


def complain(sentence):
    with contextlib.suppress(OSError):  # nowhere to say it: the code does
        print(one_line(sentence), file=sys.stderr, flush=True)


def ended(source, work):
    """The exit code; work() does all and prints."""
    try:
        work()
        return 0
    except Misused as problem:
        complain(str(problem))
        return problem.code
    except Refused as problem:
        complain(f"{source}: {problem}")
        return problem.code
    except MemoryError:
        complain(f"{source}: it wants more memory than there is")
    except OSError as problem:
        complain(f"{source}: {problem.filename or 'it'} cannot be read: {problem.strerror or problem}")
    return 4


def script(main):
    """main() as a program of its own: INT ends it at once, and --help onto a full disk is a sentence too."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    def with_help():
        try:
            code = main()
        except SystemExit as done:  # of argparse
            code = done.code
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    try:
        return with_help()
    except OSError as problem:  # main() has none of its own: ended()
        return ended("", lambda: output_failed(problem))
