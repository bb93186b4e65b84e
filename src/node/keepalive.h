/* SPDX-License-Identifier: BSD-2-Clause */
/* How long this node's NAT may be left idle: learned from what the DC sees. Pure, no clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KEEPALIVE_MIN_MS   15000
#define KEEPALIVE_START_MS 20000
#define KEEPALIVE_MAX_MS   25000
/* Taken off when the NAT forgot us, and put on after so many idle times that it did not. */
#define KEEPALIVE_SHRINK_MS 5000
#define KEEPALIVE_GROW_MS   1000
#define KEEPALIVE_STABLE    10

/*
 * After an idle time the DC sees us at the same place as before (held), or at another one although
 * we have not moved (forgot). Idle times below KEEPALIVE_MIN_MS say nothing. An interval that
 * failed is never tried again on this network: what grows stops at the longest that held.
 *
 * A NAT that keeps our port gives us the same place again after it has forgotten us: nobody can
 * tell, and so it is KEEPALIVE_MIN_MS there.
 */
struct keepalive {
	bool behind_nat;
	bool keeps_port;
	int64_t bound_ms;    /* set by the DC; 0: none */
	int64_t interval_ms; /* learned */
	int64_t ceiling_ms;
	int64_t held_ms;   /* the longest that held; 0: none yet */
	int64_t forgot_ms; /* the shortest that did not; 0: none */
	unsigned stable;   /* held at this interval, one after the other */
};

/* Nothing was learned: the start (from zeros), and whenever our own addresses have changed. Keeps
 * what was set. */
void keepalive_reset(struct keepalive *keepalive);
/* The DC has told where it sees us, and what it wants at most (0: nothing). */
void keepalive_set(struct keepalive *keepalive, bool behind_nat, bool keeps_port, int64_t bound_ms);
void keepalive_held(struct keepalive *keepalive, int64_t idle_ms);
void keepalive_forgot(struct keepalive *keepalive, int64_t idle_ms);
/* Send something at least this often; 0: there is no NAT to be held open. */
int64_t keepalive_ms(const struct keepalive *keepalive);

#define KEEPALIVE_WORDS 96
/* Why keepalive_ms is what it is, for people; returns buf. */
const char *keepalive_words(const struct keepalive *keepalive, char buf[static KEEPALIVE_WORDS]);
