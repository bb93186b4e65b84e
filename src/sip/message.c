/* SPDX-License-Identifier: BSD-2-Clause */
/* From a UDP payload to struct ntm_sip. libosip2 reads the start line, From, To, Call-ID and CSeq;
 * it never sees the other headers or a body, which is where it leaks and takes quadratic time. */
#include "ntm/sip.h"

#include "body.h"
#include "precheck.h"
#include "sdp.h"

#include "ntm/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>

/* libosip2 reads some bytes past the end of its input; there they are zero (sip.md 5). */
#define SLACK 64
/* What rewritten names and line ends may add to the lines picked. */
#define PICKED_MAX (NTM_SIP_MAX + 128)

struct ntm_sip_parser {
	char copy[NTM_SIP_MAX + SLACK];
	char picked[PICKED_MAX + SLACK];
};

static void say_nothing(const char *file, int line, osip_trace_level_t level, const char *format,
			va_list args)
{
	(void)file;
	(void)line;
	(void)level;
	(void)format;
	(void)args;
}

/* As long as nobody takes it, it goes to stdout although its level is disabled. */
static void silence(void)
{
	osip_trace_initialize_func(TRACE_LEVEL0, say_nothing);
	for (int level = TRACE_LEVEL0; level < END_TRACE_LEVEL; level++)
		osip_trace_disable_level((osip_trace_level_t)level);
}

struct ntm_sip_parser *ntm_sip_parser_new(void)
{
	struct ntm_sip_parser *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return NULL;
	silence();
	parser_init();
	return parser;
}

void ntm_sip_parser_free(struct ntm_sip_parser *parser)
{
	free(parser);
}

static enum ntm_sip_method method_of(const char *name)
{
	static const struct {
		const char *name;
		enum ntm_sip_method method;
	} rows[] = {
		{"INVITE", NTM_SIP_INVITE},     {"ACK", NTM_SIP_ACK},
		{"BYE", NTM_SIP_BYE},           {"CANCEL", NTM_SIP_CANCEL},
		{"PRACK", NTM_SIP_PRACK},       {"UPDATE", NTM_SIP_UPDATE},
		{"REGISTER", NTM_SIP_REGISTER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(name, rows[i].name) == 0)
			return rows[i].method;
	return NTM_SIP_OTHER;
}

static void put(struct ntm_wr *wr, const char *name, struct sip_text value)
{
	ntm_wr_bytes(wr, name, strlen(name));
	ntm_wr_bytes(wr, value.p, value.len);
	ntm_wr_bytes(wr, "\r\n", 2);
}

/* Writes a message of the lines that count and no body. Returns its length, 0 when it does not fit.
 */
static size_t pick(struct ntm_sip_parser *parser, const struct sip_shape *shape)
{
	static const char *const names[SIP_SLOTS_NEEDED] = {
		[SIP_FROM] = "From: ",
		[SIP_TO] = "To: ",
		[SIP_CALL_ID] = "Call-ID: ",
		[SIP_CSEQ] = "CSeq: ",
	};
	struct ntm_wr wr = ntm_wr_init(parser->picked, PICKED_MAX);
	char status[sizeof(SIP_VERSION) + 16];

	if (shape->status) {
		snprintf(status, sizeof(status), SIP_VERSION " %d -", shape->status);
		put(&wr, status, (struct sip_text){"", 0});
	} else {
		put(&wr, "", shape->start);
	}
	for (size_t i = 0; i < SIP_SLOTS_NEEDED; i++)
		put(&wr, names[i], shape->header[i]);
	ntm_wr_bytes(&wr, "\r\n", 2);
	if (ntm_wr_err(&wr))
		return 0;
	memset(parser->picked + wr.len, 0, SLACK);
	return wr.len;
}

static int set_id(char id[static NTM_SIP_ID_MAX + 1], const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (len > NTM_SIP_ID_MAX)
		return -EBADMSG;
	if (len > 0)
		memcpy(id, text, len);
	id[len] = '\0';
	return 0;
}

static int set_call_id(struct ntm_sip *out, const osip_call_id_t *call_id)
{
	const char *number = call_id->number ? call_id->number : "";
	int len = snprintf(out->call_id, sizeof(out->call_id), "%s%s%s", number,
			   call_id->host ? "@" : "", call_id->host ? call_id->host : "");

	return len > 0 && len <= NTM_SIP_ID_MAX ? 0 : -EBADMSG;
}

/* To has the same form. */
static int set_tag(char id[static NTM_SIP_ID_MAX + 1], osip_from_t *from)
{
	char name[] = "tag";
	osip_generic_param_t *tag = NULL;

	osip_from_param_get_byname(from, name, &tag);
	return set_id(id, tag ? tag->gvalue : NULL);
}

static int set_cseq(struct ntm_sip *out, const osip_cseq_t *cseq)
{
	size_t number;

	if (!cseq->number || !cseq->method)
		return -EBADMSG;
	if (!sip_text_uint((struct sip_text){cseq->number, strlen(cseq->number)}, UINT32_MAX,
			   &number))
		return -EBADMSG;
	out->cseq = (uint32_t)number;
	out->method = method_of(cseq->method);
	return 0;
}

static int set_start(struct ntm_sip *out, const osip_message_t *msg, int status)
{
	out->status = status;
	out->kind = status ? NTM_SIP_RESPONSE : NTM_SIP_REQUEST;
	if (status)
		return msg->status_code == status ? 0 : -EBADMSG;
	/* RFC 3261 8.1.1.5: the two are the same, or the message is no good to anybody. */
	return msg->sip_method && strcmp(msg->sip_method, msg->cseq->method) == 0 ? 0 : -EBADMSG;
}

static int read_headers(struct ntm_sip *out, const osip_message_t *msg, int status)
{
	if (!msg->from || !msg->to || !msg->call_id || !msg->cseq)
		return -EBADMSG;
	if (set_cseq(out, msg->cseq) < 0 || set_start(out, msg, status) < 0)
		return -EBADMSG;
	if (set_call_id(out, msg->call_id) < 0)
		return -EBADMSG;
	if (set_tag(out->from_tag, msg->from) < 0 || set_tag(out->to_tag, msg->to) < 0)
		return -EBADMSG;
	return 0;
}

static int parse_headers(struct ntm_sip_parser *parser, const struct sip_shape *shape,
			 struct ntm_sip *out)
{
	size_t len = pick(parser, shape);
	osip_message_t *msg = NULL;
	int err = -EBADMSG;

	if (len == 0 || osip_message_init(&msg) != 0)
		return err;
	if (osip_message_parse(msg, parser->picked, len) == 0)
		err = read_headers(out, msg, shape->status);
	osip_message_free(msg);
	return err;
}

void ntm_sip_look(struct ntm_sip_parser *parser, const uint8_t *payload, size_t len,
		  struct ntm_sip *out)
{
	struct ntm_sip found = {0};
	struct sip_shape shape;
	struct sip_text sdp;

	*out = (struct ntm_sip){.kind = NTM_SIP_OPAQUE};
	if (len > NTM_SIP_MAX || !ntm_sip_is_candidate(payload, len))
		return;
	memcpy(parser->copy, payload, len);
	memset(parser->copy + len, 0, SLACK);
	if (sip_precheck(&shape, parser->copy, len) < 0)
		return;
	if (parse_headers(parser, &shape, &found) < 0)
		return;
	found.has_sdp = sip_body_sdp(&shape, &sdp) && sip_sdp_scan(sdp, &found);
	*out = found;
}
