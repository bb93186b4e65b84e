/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines for people: what happened, to whom, what to do. */
#include "ntm/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_LEN 512

static const struct {
	const char *name;
	int priority; /* of syslog(3), understood by the journal */
} levels[] = {
	[NTM_LOG_ERR] = {"err", 3},     [NTM_LOG_WARN] = {"warn", 4},
	[NTM_LOG_INFO] = {"info", 6},   [NTM_LOG_DEBUG] = {"debug", 7},
	[NTM_LOG_TRACE] = {"trace", 7},
};

#define LEVEL_COUNT (sizeof(levels) / sizeof(levels[0]))

static void to_stderr(enum ntm_log_level level, const char *text, void *arg);

/* The one piece of global state of the programs. */
static struct {
	ntm_log_sink *sink;
	void *arg;
	enum ntm_log_level level;
} state = {.sink = to_stderr, .level = NTM_LOG_INFO};

/* JOURNAL_STREAM of systemd.exec(5) names the journal's socket; stderr may be redirected since. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* One call a line, since stderr is unbuffered and lines of other processes may come between. */
static void to_stderr(enum ntm_log_level level, const char *text, void *arg)
{
	(void)arg;
	if (stderr_is_journal())
		fprintf(stderr, "<%d>%s\n", levels[level].priority, text);
	else
		fprintf(stderr, "%s: %s\n", levels[level].name, text);
}

void ntm_log_set_sink(ntm_log_sink *sink, void *arg)
{
	state.sink = sink ? sink : to_stderr;
	state.arg = arg;
}

void ntm_log_set_level(enum ntm_log_level level)
{
	state.level = level;
}

bool ntm_log_on(enum ntm_log_level level)
{
	return level <= state.level;
}

void ntm_log(enum ntm_log_level level, const char *fmt, ...)
{
	int saved_errno = errno;
	char line[LINE_MAX_LEN + 1] = "";
	va_list ap;

	if (!ntm_log_on(level))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* Not iscntrl(), which asks the locale. Bytes of UTF-8 stay. */
	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	state.sink(level, line, state.arg);
	errno = saved_errno;
}

/* next_ms runs ahead of the clock by one period a line, and by no more than a burst of them. */
bool ntm_log_gate_open(struct ntm_log_gate *gate, int64_t now_ms)
{
	int64_t next_ms = gate->next_ms > now_ms ? gate->next_ms : now_ms;

	if (gate->was_open)
		gate->suppressed = 0;
	gate->was_open = next_ms - now_ms <= (NTM_LOG_GATE_BURST - 1) * NTM_LOG_GATE_PERIOD_MS;
	if (gate->was_open)
		gate->next_ms = next_ms + NTM_LOG_GATE_PERIOD_MS;
	else if (gate->suppressed < UINT32_MAX)
		gate->suppressed++;
	return gate->was_open;
}
