/* SPDX-License-Identifier: BSD-2-Clause */
/* Payloads of handshakes: TLVs like those of control messages, without their header. */
#include "ntm/payload.h"

#include "msg_tlv.h"

#include <errno.h>
#include <string.h>

static const struct ntm_field request_field[] = {
	{NTM_TLV_SECRET, NTM_FIELD_BYTES, true, offsetof(struct ntm_join_request, secret), 0,
	 sizeof(((struct ntm_join_request *)0)->secret)},
};
static const struct ntm_field answer_field[] = {
	{NTM_TLV_CERT, NTM_FIELD_BLOB, true, offsetof(struct ntm_join_answer, cert), 1,
	 NTM_CERT_MAX},
	{NTM_TLV_PREFIXES, NTM_FIELD_PREFIXES, false, offsetof(struct ntm_join_answer, prefixes), 0,
	 0},
	{NTM_TLV_SUFFIXES, NTM_FIELD_NAMES, false, offsetof(struct ntm_join_answer, suffixes), 0,
	 0},
	{NTM_TLV_RESOLVER4, NTM_FIELD_IP, false, offsetof(struct ntm_join_answer, resolver4), 0, 4},
	{NTM_TLV_RESOLVER6, NTM_FIELD_IP, false, offsetof(struct ntm_join_answer, resolver6), 0, 6},
};
static const struct ntm_field hello_field[] = {
	{NTM_TLV_ROOT, NTM_FIELD_BYTES, true, offsetof(struct ntm_dc_hello, root), 0,
	 NTM_SIGN_PUB_LEN},
	{NTM_TLV_CERT, NTM_FIELD_BLOB, true, offsetof(struct ntm_dc_hello, cert), 1, NTM_CERT_MAX},
};
static const struct ntm_fields hello_fields = {hello_field,
					       sizeof(hello_field) / sizeof(hello_field[0])};
static const struct ntm_fields request_fields = {request_field,
						 sizeof(request_field) / sizeof(request_field[0])};
static const struct ntm_fields answer_fields = {answer_field,
						sizeof(answer_field) / sizeof(answer_field[0])};

/* scratch is of the struct's size: what the decoder refuses is never sent. */
static size_t encode(const struct ntm_fields *fields, const void *value, void *scratch,
		     uint8_t *out, size_t cap)
{
	struct ntm_wr wr = ntm_wr_init(out, cap);
	struct ntm_rd rd;

	ntm_fields_write(&wr, fields, value);
	if (ntm_wr_err(&wr))
		return 0;
	rd = ntm_rd_init(out, wr.len);
	return ntm_fields_read(&rd, fields, scratch) == 0 ? wr.len : 0;
}

size_t ntm_join_request_encode(const struct ntm_join_request *req, uint8_t *out, size_t cap)
{
	struct ntm_join_request again = {0};
	size_t len = encode(&request_fields, req, &again, out, cap);

	ntm_wipe(&again, sizeof(again));
	return len;
}

int ntm_join_request_decode(struct ntm_join_request *req, const uint8_t *data, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(data, len);
	struct ntm_join_request got = {0};
	int err = ntm_fields_read(&rd, &request_fields, &got);

	if (!err)
		*req = got;
	ntm_wipe(&got, sizeof(got));
	return err;
}

size_t ntm_join_answer_encode(const struct ntm_join_answer *answer, uint8_t *out, size_t cap)
{
	struct ntm_join_answer again = {0};

	return encode(&answer_fields, answer, &again, out, cap);
}

int ntm_join_answer_decode(struct ntm_join_answer *answer, const uint8_t *data, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(data, len);
	struct ntm_join_answer got = {0};
	int err = ntm_fields_read(&rd, &answer_fields, &got);

	if (!err)
		*answer = got;
	return err;
}

size_t ntm_dc_hello_encode(const struct ntm_dc_hello *hello, uint8_t *out, size_t cap)
{
	struct ntm_dc_hello again = {0};

	return encode(&hello_fields, hello, &again, out, cap);
}

int ntm_dc_hello_decode(struct ntm_dc_hello *hello, const uint8_t *data, size_t len)
{
	struct ntm_rd rd = ntm_rd_init(data, len);
	struct ntm_dc_hello got = {0};
	int err = ntm_fields_read(&rd, &hello_fields, &got);

	if (!err)
		*hello = got;
	return err;
}
