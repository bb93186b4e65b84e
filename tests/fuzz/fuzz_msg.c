/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a control message, and as the payloads of handshakes. */
#include "ntm/payload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted can be sent, and is the same then. */
static void message(const uint8_t *data, size_t size)
{
	uint8_t out[NTM_MSG_MAX];
	struct ntm_msg msg, again;
	size_t len;

	if (ntm_msg_decode(&msg, data, size) != 0)
		return;
	len = ntm_msg_encode(&msg, out, sizeof(out));
	if (len == 0 || ntm_msg_decode(&again, out, len) != 0 ||
	    memcmp(&again, &msg, sizeof(msg)) != 0)
		abort();
}

static void payloads(const uint8_t *data, size_t size)
{
	uint8_t out[NTM_MSG_MAX];
	struct ntm_join_request req;
	struct ntm_join_answer answer;
	struct ntm_dc_hello hello;

	if (ntm_join_request_decode(&req, data, size) == 0 &&
	    ntm_join_request_encode(&req, out, sizeof(out)) == 0)
		abort();
	if (ntm_join_answer_decode(&answer, data, size) == 0 &&
	    ntm_join_answer_encode(&answer, out, sizeof(out)) == 0)
		abort();
	if (ntm_dc_hello_decode(&hello, data, size) == 0 &&
	    ntm_dc_hello_encode(&hello, out, sizeof(out)) == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	message(data, size);
	payloads(data, size);
	return 0;
}
