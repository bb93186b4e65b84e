/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines for people: what happened, to whom, what to do. Never keys, never SIP bodies. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ntm_log_level {
	NTM_LOG_ERR,
	NTM_LOG_WARN,
	NTM_LOG_INFO, /* silent in steady state */
	NTM_LOG_DEBUG,
	NTM_LOG_TRACE,
};

/* Where lines go; text has no newline. The default writes to stderr, with the <N> priority prefix
 * of sd-daemon(3) when stderr is the journal. sink = NULL restores it. */
typedef void ntm_log_sink(enum ntm_log_level level, const char *text, void *arg);
void ntm_log_set_sink(ntm_log_sink *sink, void *arg);
void ntm_log_set_level(enum ntm_log_level level);
bool ntm_log_on(enum ntm_log_level level);

/* Keeps errno. A line is cut at 512 bytes; control characters in it become '?'. */
void ntm_log(enum ntm_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define ntm_err(...)  ntm_log(NTM_LOG_ERR, __VA_ARGS__)
#define ntm_warn(...) ntm_log(NTM_LOG_WARN, __VA_ARGS__)
#define ntm_info(...) ntm_log(NTM_LOG_INFO, __VA_ARGS__)
/* Arguments are not evaluated when the level is off. */
#define ntm_debug(...) (ntm_log_on(NTM_LOG_DEBUG) ? ntm_log(NTM_LOG_DEBUG, __VA_ARGS__) : (void)0)
#define ntm_trace(...) (ntm_log_on(NTM_LOG_TRACE) ? ntm_log(NTM_LOG_TRACE, __VA_ARGS__) : (void)0)

/* Gate for lines that packets can cause: at most burst lines, then one a period; tells how many
 * were kept back. Starts as zeros.
 * Use: if (ntm_log_gate_open(&g, now_ms)) ntm_warn(... g.suppressed ...). */
struct ntm_log_gate {
	int64_t next_ms;
	uint32_t suppressed; /* kept back since the gate was last open */
	bool was_open;
};
#define NTM_LOG_GATE_BURST     5
#define NTM_LOG_GATE_PERIOD_MS 10000
bool ntm_log_gate_open(struct ntm_log_gate *gate, int64_t now_ms);
