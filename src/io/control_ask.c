/* SPDX-License-Identifier: BSD-2-Clause */
/* A program's verb asks its daemon: errors in words on stderr, and an exit code. */
#include "ntm/control.h"
#include "ntm/exit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct answer {
	const char *program;
	ntm_control_reply_fn *fn;
	void *ctx;
	bool is_error, is_denied;
};

static void on_reply(void *ctx, const json_t *reply)
{
	struct answer *answer = ctx;
	const char *error = json_string_value(json_object_get(reply, "error"));

	if (json_is_true(json_object_get(reply, "denied"))) {
		answer->is_denied = true;
	} else if (error != NULL) {
		answer->is_error = true;
		fprintf(stderr, "%s: %s\n", answer->program, error);
	} else {
		answer->fn(answer->ctx, reply);
	}
}

int ntm_control_ask(const char *program, const char *path, json_t *request, int64_t timeout_ms,
		    ntm_control_reply_fn *fn, void *ctx)
{
	struct answer answer = {.program = program, .fn = fn, .ctx = ctx};
	int err = request == NULL ? -ENOMEM
				  : ntm_control_call(path, request, timeout_ms, on_reply, &answer);

	json_decref(request);
	switch (err) {
	case 0:
		break;
	case -ENOENT:
	case -ECONNREFUSED:
		fprintf(stderr,
			"%s: not running (nobody listens on %s): start it with `systemctl start "
			"%s` or `%s run`\n",
			program, path, program, program);
		return NTM_EXIT_NOT_RUNNING;
	case -EACCES:
		answer.is_denied = true;
		break;
	case -ETIMEDOUT:
		fprintf(stderr, "%s: the daemon did not answer in time\n", program);
		return NTM_EXIT_TIMED_OUT;
	default:
		fprintf(stderr, "%s: %s: %s\n", program, path, strerror(-err));
		return NTM_EXIT_FAILED;
	}
	if (answer.is_denied) {
		fprintf(stderr, "%s: not allowed: use sudo, or become a member of the group ntm\n",
			program);
		return NTM_EXIT_NOT_ALLOWED;
	}
	return answer.is_error ? NTM_EXIT_FAILED : NTM_EXIT_OK;
}
