package main

import "syscall"

// dieWithParent has the kernel kill the command if this process is killed:
// nobody would be left to pass signals on, or to renew its credentials.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
