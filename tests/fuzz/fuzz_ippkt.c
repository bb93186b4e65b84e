/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as an inner IP packet: its view, what answers it, its checksum, and reassembly. */
#include "ntm/reasm.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Whether the view stays within the packet, and the packet within the bytes. */
static void check_view(const struct ntm_ippkt *view, const uint8_t *data, size_t size)
{
	require(view->len <= size && view->l4 >= data && view->l4 + view->l4_len <= data + size);
	require(view->l4 + view->l4_len == data + view->len);
	require(view->src.family == view->dst.family && ntm_ip_len(&view->src) > 0);
	require(!view->payload || view->payload + view->payload_len == view->l4 + view->l4_len);
}

/* An answer reads back, is right, and can be the cause of no other. */
static void check_answer(const uint8_t *data, size_t size, const struct ntm_ip *from)
{
	uint8_t answer[1280], again[1280];
	size_t len = ntm_ippkt_build_unreachable(answer, sizeof(answer), from, data, size,
						 NTM_UNREACH_HOST);

	if (len == 0)
		return;
	require(ntm_ippkt_checksums_ok(answer, len));
	require(ntm_ippkt_build_unreachable(again, sizeof(again), from, answer, len,
					    NTM_UNREACH_HOST) == 0);
}

static void check_checksum(const uint8_t *data, size_t size)
{
	static uint8_t copy[65536 + 40];
	struct ntm_ippkt before, after;

	if (size > sizeof(copy))
		return;
	memcpy(copy, data, size);
	if (!ntm_ippkt_finish_checksum(copy, size))
		return;
	require(ntm_ippkt_parse(&before, data, size) == 0);
	require(ntm_ippkt_parse(&after, copy, size) == 0);
	require(before.len == after.len && before.dport == after.dport);
}

/* The bytes as a row of packets, one behind the other: so fragments can meet. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ntm_reasm *reasm = ntm_reasm_new();
	struct ntm_reasm_whole whole;
	struct ntm_ippkt view;

	require(reasm != NULL);
	for (int64_t now_ms = 0; ntm_ippkt_parse(&view, data, size) == 0; now_ms += 100) {
		check_view(&view, data, size);
		check_answer(data, size, &view.dst);
		check_checksum(data, size);
		if (ntm_reasm_add(reasm, &view, now_ms, &whole) == 1)
			require(view.is_fragment && whole.l4_len <= NTM_REASM_BYTES);
		data += view.len;
		size -= view.len;
	}
	ntm_reasm_free(reasm);
	return 0;
}
