/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet buffer: headers in front, bytes behind, and abort where there is no room. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ntm/pktbuf.h"

static struct ntm_pkt pkt;

static int reset(void **unused)
{
	(void)unused;
	memset(&pkt, 0, sizeof(pkt));
	ntm_pkt_reset(&pkt);
	return 0;
}

static void reset_is_empty(void **unused)
{
	(void)unused;
	ntm_pkt_put(&pkt, 5);
	ntm_pkt_pull(&pkt, 3);
	ntm_pkt_reset(&pkt);
	assert_int_equal(pkt.len, 0);
	assert_ptr_equal(pkt.data, pkt.base + NTM_PKT_HEADROOM);
	assert_int_equal(ntm_pkt_room(&pkt), NTM_PKT_MAX + NTM_PKT_TAILROOM);
}

static void payload_stays_where_it_is(void **unused)
{
	uint8_t *payload = ntm_pkt_put(&pkt, 4);

	(void)unused;
	memcpy(payload, "data", 4);
	memcpy(ntm_pkt_push(&pkt, 2), "HH", 2);
	memcpy(ntm_pkt_put(&pkt, 3), "tag", 3);
	assert_int_equal(pkt.len, 9);
	assert_memory_equal(pkt.data, "HHdatatag", 9);
	assert_memory_equal(ntm_pkt_pull(&pkt, 2), "HH", 2);
	assert_ptr_equal(pkt.data, payload);
	ntm_pkt_trim(&pkt, 4);
	assert_int_equal(pkt.len, 4);
	assert_memory_equal(pkt.data, "data", 4);
}

static void room_is_used_to_the_last_byte(void **unused)
{
	(void)unused;
	memset(ntm_pkt_put(&pkt, ntm_pkt_room(&pkt)), 1, NTM_PKT_MAX + NTM_PKT_TAILROOM);
	assert_int_equal(ntm_pkt_room(&pkt), 0);
	memset(ntm_pkt_push(&pkt, NTM_PKT_HEADROOM), 2, NTM_PKT_HEADROOM);
	assert_ptr_equal(pkt.data, pkt.base);
	assert_int_equal(pkt.len, sizeof(pkt.base));
	ntm_pkt_pull(&pkt, pkt.len);
	assert_int_equal(pkt.len, 0);
	assert_int_equal(ntm_pkt_room(&pkt), 0);
}

static void push_too_much(void)
{
	ntm_pkt_push(&pkt, NTM_PKT_HEADROOM + 1);
}

static void put_too_much(void)
{
	ntm_pkt_put(&pkt, ntm_pkt_room(&pkt) + 1);
}

static void put_wrapping(void)
{
	ntm_pkt_put(&pkt, SIZE_MAX);
}

static void pull_too_much(void)
{
	ntm_pkt_put(&pkt, 3);
	ntm_pkt_pull(&pkt, 4);
}

static void trim_longer(void)
{
	ntm_pkt_put(&pkt, 3);
	ntm_pkt_trim(&pkt, 4);
}

static void misuse_aborts(void **unused)
{
	static void (*const misuses[])(void) = {
		push_too_much, put_too_much, put_wrapping, pull_too_much, trim_longer,
	};
	int status;

	(void)unused;
	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		pid_t child = fork();

		if (child == 0) {
			setrlimit(RLIMIT_CORE, &(struct rlimit){0});
			signal(SIGABRT, SIG_DFL);
			misuses[i]();
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reset_is_empty, reset),
		cmocka_unit_test_setup(payload_stays_where_it_is, reset),
		cmocka_unit_test_setup(room_is_used_to_the_last_byte, reset),
		cmocka_unit_test_setup(misuse_aborts, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
