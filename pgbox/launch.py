"""Drop to an account, ask the kernel for a signal at the parent's death, and become the given program.

Run by path in an isolated interpreter, so that nothing of ours is imported by a process about to give up its
rights, and so that no Python code ever runs between fork and exec of the (threaded) application.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Replace this process; `arguments`: parent pid, uid, gid, signal number, program, its arguments."""
    parent, uid, gid, death_signal = (int(text) for text in arguments[:4])
    command = arguments[4:]
    if uid != os.geteuid():
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        except OSError as error:
            sys.exit(f"cannot become uid {uid}, gid {gid}: {error.strerror}")
    # Python ignores these two, and what is ignored stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if sys.platform == "linux":
        # After setuid, which clears it.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that wanted this program is gone")
    try:
        os.execv(command[0], command)  # noqa: S606 - replacing this process by a program without a shell is the purpose
    except OSError as error:
        sys.exit(f"cannot execute {command[0]} as uid {uid}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
