/* SPDX-License-Identifier: BSD-2-Clause */
/* The relay as a daemon: loop, sockets and signals around struct relay. */
#pragma once

#include "relay_conf.h"

/* Runs until SIGTERM or SIGINT, or until it is drained. Returns an enum ntm_exit. */
int relay_daemon_run(const struct relay_conf *conf);
