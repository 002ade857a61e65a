"""Whose job it is: the account that the job's process becomes where its supervisor is root's."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from scheduler.domain.errors import ExecutorError


@dataclass(frozen=True, slots=True)
class Identity:
    uid: int
    gid: int
    groups: tuple[int, ...]

    def assume(self) -> None:
        """Become this account for good; OSError, and still nobody's process, where that is refused."""
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        # What is not checked here would run a user's command as root.
        if os.getresuid() != (self.uid,) * 3 or os.getresgid() != (self.gid,) * 3:
            raise PermissionError(f"the process did not become uid {self.uid}")


def identity_of(uid: int) -> Identity:
    """The account as the system knows it now; ExecutorError where there is none, or where it is root's."""
    if uid == 0:
        raise ExecutorError("jobs of root are not run by the system service; submit as an ordinary user")
    try:
        account = pwd.getpwuid(uid)
    except KeyError as exc:
        raise ExecutorError(f"there is no account with uid {uid} on this machine; its jobs cannot run here") from exc
    return Identity(uid, account.pw_gid, tuple(os.getgrouplist(account.pw_name, account.pw_gid)))
