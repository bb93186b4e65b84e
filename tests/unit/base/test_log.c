/* SPDX-License-Identifier: BSD-2-Clause */
/* The log: levels, cleaning of lines, the default sink, and the gate. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ntm/log.h"

struct lines {
	unsigned count;
	enum ntm_log_level level;
	char last[1024];
};

static void keep(enum ntm_log_level level, const char *text, void *arg)
{
	struct lines *lines = arg;

	lines->count++;
	lines->level = level;
	snprintf(lines->last, sizeof(lines->last), "%s", text);
	errno = EIO; /* as a failing write would leave it */
}

static struct lines lines;

static int start(void **unused)
{
	(void)unused;
	lines = (struct lines){0};
	ntm_log_set_sink(keep, &lines);
	ntm_log_set_level(NTM_LOG_INFO);
	return 0;
}

static int stop(void **unused)
{
	(void)unused;
	ntm_log_set_sink(NULL, NULL);
	ntm_log_set_level(NTM_LOG_INFO);
	unsetenv("JOURNAL_STREAM");
	return 0;
}

static void level_filters(void **unused)
{
	(void)unused;
	for (int at = NTM_LOG_ERR; at <= NTM_LOG_TRACE; at++) {
		ntm_log_set_level((enum ntm_log_level)at);
		lines.count = 0;
		ntm_err("e");
		ntm_warn("w");
		ntm_info("i");
		ntm_debug("d");
		ntm_trace("t");
		assert_int_equal(lines.count, at + 1);
		assert_int_equal(lines.level, at);
		assert_true(ntm_log_on((enum ntm_log_level)at));
		assert_false(at < NTM_LOG_TRACE && ntm_log_on((enum ntm_log_level)(at + 1)));
	}
}

static void debug_arguments_cost_nothing_when_off(void **unused)
{
	int evaluated = 0;

	(void)unused;
	ntm_debug("%d", ++evaluated);
	ntm_trace("%d", ++evaluated);
	assert_int_equal(evaluated, 0);
	ntm_log_set_level(NTM_LOG_TRACE);
	ntm_debug("%d", ++evaluated);
	ntm_trace("%d", ++evaluated);
	assert_int_equal(evaluated, 2);
}

static void errno_is_kept(void **unused)
{
	(void)unused;
	errno = ENOENT;
	ntm_err("open: %s", strerror(errno));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(lines.last, "open: No such file or directory");
}

static void control_characters_are_masked(void **unused)
{
	(void)unused;
	ntm_info("a%s%sb", "\n<0>forged\r", "\x1b[2J\t\x01\x7f\xc3\xa9");
	assert_string_equal(lines.last, "a?<0>forged??[2J???\xc3\xa9"
					"b");
}

static void long_lines_are_cut(void **unused)
{
	char text[2000];

	(void)unused;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ntm_info("%s", text);
	assert_int_equal(strlen(lines.last), 512);
	text[512] = '\0';
	ntm_info("%s", text);
	assert_int_equal(strlen(lines.last), 512);
	text[511] = '\0';
	ntm_info("%s", text);
	assert_int_equal(strlen(lines.last), 511);
}

/* What the default sink writes for one line; as_journal: stderr is what JOURNAL_STREAM names. */
static void capture(bool as_journal, enum ntm_log_level level, char *out, size_t size)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char stream[64];
	struct stat st;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fstat(fds[1], &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + !as_journal);
	setenv("JOURNAL_STREAM", stream, 1);
	ntm_log_set_sink(NULL, NULL);
	ntm_log_set_level(NTM_LOG_TRACE);
	dup2(fds[1], STDERR_FILENO);
	ntm_log(level, "peer=%s up", "alice");
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	n = read(fds[0], out, size - 1);
	assert_true(n >= 0);
	out[n] = '\0';
	close(fds[0]);
	close(saved);
}

static void default_sink(void **unused)
{
	static const struct {
		enum ntm_log_level level;
		const char *journal, *terminal;
	} rows[] = {
		{NTM_LOG_ERR, "<3>peer=alice up\n", "err: peer=alice up\n"},
		{NTM_LOG_WARN, "<4>peer=alice up\n", "warn: peer=alice up\n"},
		{NTM_LOG_INFO, "<6>peer=alice up\n", "info: peer=alice up\n"},
		{NTM_LOG_DEBUG, "<7>peer=alice up\n", "debug: peer=alice up\n"},
		{NTM_LOG_TRACE, "<7>peer=alice up\n", "trace: peer=alice up\n"},
	};
	char text[256];

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		capture(true, rows[i].level, text, sizeof(text));
		assert_string_equal(text, rows[i].journal);
		capture(false, rows[i].level, text, sizeof(text));
		assert_string_equal(text, rows[i].terminal);
	}
}

static void gate_lets_a_burst_and_then_one_a_period(void **unused)
{
	struct ntm_log_gate gate = {0};
	int64_t t = 123456;

	(void)unused;
	for (int i = 0; i < NTM_LOG_GATE_BURST; i++) {
		assert_true(ntm_log_gate_open(&gate, t));
		assert_int_equal(gate.suppressed, 0);
	}
	for (int i = 0; i < 7; i++)
		assert_false(ntm_log_gate_open(&gate, t));
	assert_false(ntm_log_gate_open(&gate, t + NTM_LOG_GATE_PERIOD_MS - 1));
	assert_true(ntm_log_gate_open(&gate, t + NTM_LOG_GATE_PERIOD_MS));
	assert_int_equal(gate.suppressed, 8);
	assert_false(ntm_log_gate_open(&gate, t + NTM_LOG_GATE_PERIOD_MS));
	assert_true(ntm_log_gate_open(&gate, t + 2 * NTM_LOG_GATE_PERIOD_MS));
	assert_int_equal(gate.suppressed, 1);
}

static void gate_recovers_its_burst_when_quiet(void **unused)
{
	struct ntm_log_gate gate = {0};
	int64_t t = 0;

	(void)unused;
	while (ntm_log_gate_open(&gate, t))
		;
	t += NTM_LOG_GATE_BURST * NTM_LOG_GATE_PERIOD_MS;
	for (int i = 0; i < NTM_LOG_GATE_BURST; i++)
		assert_true(ntm_log_gate_open(&gate, t));
	assert_false(ntm_log_gate_open(&gate, t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(level_filters, start, stop),
		cmocka_unit_test_setup_teardown(debug_arguments_cost_nothing_when_off, start, stop),
		cmocka_unit_test_setup_teardown(errno_is_kept, start, stop),
		cmocka_unit_test_setup_teardown(control_characters_are_masked, start, stop),
		cmocka_unit_test_setup_teardown(long_lines_are_cut, start, stop),
		cmocka_unit_test_setup_teardown(default_sink, start, stop),
		cmocka_unit_test(gate_lets_a_burst_and_then_one_a_period),
		cmocka_unit_test(gate_recovers_its_burst_when_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
