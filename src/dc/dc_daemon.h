/* SPDX-License-Identifier: BSD-2-Clause */
/* The DC as a daemon: loop, sockets, DNS listener and control socket around struct dc. */
#pragma once

#include "domain.h"

/* Runs until SIGTERM or SIGINT. Takes the sockets first, then gives its privileges up. 0, or
 * negative errno after an error was logged. */
int dc_daemon_run(struct domain *domain);
/* The zone that the domain serves. 0 or -EINVAL. */
int dc_daemon_zone(const struct domain *domain, struct zone *zone);
