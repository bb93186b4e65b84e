/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit codes that all our programs share (design.md 12). */
#pragma once

enum ntm_exit {
	NTM_EXIT_OK = 0,
	NTM_EXIT_FAILED = 1,
	NTM_EXIT_USAGE = 2,
	NTM_EXIT_NOT_RUNNING = 3,
	NTM_EXIT_NOT_ALLOWED = 4,
	NTM_EXIT_TIMED_OUT = 5,
	NTM_EXIT_BAD_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};
