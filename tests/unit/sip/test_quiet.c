/* SPDX-License-Identifier: BSD-2-Clause */
/* libosip2 complains to stdout of what it cannot parse, with pieces of it; here it may not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ntm/sip.h"

#define REST "\r\nt: <sip:b@h>\r\ni: x\r\nCSeq: 1 INVITE\r\n\r\n"

/* Each gets as far as libosip2, and no further. */
static const char *const bad[] = {
	"INVITE a:b SIP/2.0\r\nf: <sip:a@h>" REST,
	"INVITE sip:b@h SIP/2.0\r\nf: <" REST,
	"SIP/2.0 200 OK\r\nf: \"a <sip:a@h>" REST,
	"SIP/2.0 200 OK\r\nf: a:b" REST,
};

static void nothing_is_printed(void **unused)
{
	struct ntm_sip_parser *parser = ntm_sip_parser_new();
	struct ntm_sip sip;
	int ends[2], saved[3];
	size_t opaque = 0;
	char byte;

	(void)unused;
	assert_non_null(parser);
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	fflush(NULL);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		saved[fd] = dup(fd);
		dup2(ends[1], fd);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ntm_sip_look(parser, (const uint8_t *)bad[i], strlen(bad[i]), &sip);
		opaque += sip.kind == NTM_SIP_OPAQUE;
	}
	fflush(NULL);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		dup2(saved[fd], fd);
		close(saved[fd]);
	}
	assert_int_equal(opaque, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(read(ends[0], &byte, 1), -1); /* EAGAIN: nothing in it */
	close(ends[0]);
	close(ends[1]);
	ntm_sip_parser_free(parser);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
