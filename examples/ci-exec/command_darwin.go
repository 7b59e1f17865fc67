package main

import "syscall"

// dieWithParent does nothing: this kernel has no such thing.
func dieWithParent(*syscall.SysProcAttr) {}
