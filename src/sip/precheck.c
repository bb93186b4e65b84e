/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks a message once, line by line, and says no before a foreign parser could be misled. */
#include "precheck.h"

#include "ntm/sip.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define METHOD_LEN_MAX 32

/* The names of the headers that count, RFC 3261 7.3.3 and 20. */
static const struct {
	const char *name;
	const char *compact;
} slots[SIP_SLOTS] = {
	[SIP_FROM] = {"From", "f"},
	[SIP_TO] = {"To", "t"},
	[SIP_CALL_ID] = {"Call-ID", "i"},
	[SIP_CSEQ] = {"CSeq", "CSeq"},
	[SIP_TYPE] = {"Content-Type", "c"},
	[SIP_LENGTH] = {"Content-Length", "l"},
	[SIP_ENCODING] = {"Content-Encoding", "e"},
};

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-.!%*_+`'~", c));
}

static size_t line_ends_len(const char *msg, size_t len)
{
	size_t i = 0;

	while (i < len && (msg[i] == '\r' || msg[i] == '\n'))
		i++;
	return i;
}

static size_t method_len(struct sip_text line)
{
	size_t n = 0;

	while (n < line.len && n <= METHOD_LEN_MAX && is_token_char(line.p[n]))
		n++;
	return n <= METHOD_LEN_MAX && n < line.len && line.p[n] == ' ' ? n : 0;
}

static bool has_version(struct sip_text text)
{
	return text.len >= strlen(SIP_VERSION) &&
	       memcmp(text.p, SIP_VERSION, strlen(SIP_VERSION)) == 0;
}

bool ntm_sip_is_candidate(const uint8_t *payload, size_t len)
{
	struct sip_text text = {(const char *)payload, len};
	size_t crlf = line_ends_len(text.p, len);

	if (crlf == len)
		return false;
	text.p += crlf;
	text.len -= crlf;
	return has_version(text) || method_len(text) > 0;
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* A line end before a blank continues the line (RFC 3261 7.3.1): blank it as well. */
static void unfold(char *msg, size_t lf)
{
	msg[lf] = ' ';
	if (msg[lf - 1] == '\r')
		msg[lf - 1] = ' ';
}

/* Offset of the body, behind the empty line. 0 when there is none, or when the header block has a
 * lone CR, a NUL or another control byte: programs differ about those. msg begins with no line
 * end. */
static size_t unfold_headers(char *msg, size_t len)
{
	bool line_is_empty = false;

	for (size_t i = 0; i < len; i++) {
		char next = i + 1 < len ? msg[i + 1] : '\0';

		if (msg[i] == '\n' && line_is_empty)
			return i + 1;
		if (msg[i] == '\n' && sip_text_is_blank(next))
			unfold(msg, i);
		else if (msg[i] == '\n')
			line_is_empty = true;
		else if (msg[i] == '\r' ? next != '\n' : is_control(msg[i]) && msg[i] != '\t')
			return 0;
		else if (msg[i] != '\r')
			line_is_empty = false;
	}
	return 0;
}

/* Three digits and no more: libosip2 takes 4294967496 for 200. The reason says nothing. */
static int read_status(struct sip_text line)
{
	struct sip_text version, code;
	size_t status;

	if (!sip_text_cut(&line, ' ', &version) || version.len != strlen(SIP_VERSION))
		return -EBADMSG;
	sip_text_cut(&line, ' ', &code);
	if (code.len != 3 || !sip_text_uint(code, 699, &status) || status < 100)
		return -EBADMSG;
	return (int)status;
}

static int read_start(struct sip_shape *shape, struct sip_text line)
{
	size_t tail = strlen(" " SIP_VERSION);

	shape->start = line;
	if (has_version(line)) {
		shape->status = read_status(line);
		return shape->status < 0 ? -EBADMSG : 0;
	}
	if (method_len(line) == 0 || method_len(line) + tail >= line.len)
		return -EBADMSG;
	return memcmp(line.p + line.len - tail, " " SIP_VERSION, tail) == 0 ? 0 : -EBADMSG;
}

static int read_header(struct sip_shape *shape, struct sip_text line)
{
	struct sip_text name;

	if (!sip_text_cut(&line, ':', &name))
		return -EBADMSG;
	name = sip_text_trim(name);
	for (size_t i = 0; i < SIP_SLOTS; i++) {
		if (!sip_text_is(name, slots[i].name) && !sip_text_is(name, slots[i].compact))
			continue;
		if (shape->header[i].p)
			return -EBADMSG;
		shape->header[i] = sip_text_trim(line);
	}
	return 0;
}

static size_t params_count(struct sip_text text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.p[i] == ';' || text.p[i] == ',' || text.p[i] == '?' ||
			 text.p[i] == '&';
	return count;
}

/* What libosip2 is going to see is there, once, and small. */
static int check_bounds(const struct sip_shape *shape)
{
	size_t params = shape->status ? 0 : params_count(shape->start);

	if (!shape->status && shape->start.len > SIP_LINE_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < SIP_SLOTS_NEEDED; i++) {
		if (shape->header[i].len == 0 || shape->header[i].len > SIP_LINE_MAX)
			return -EBADMSG;
		params += params_count(shape->header[i]);
	}
	return params <= SIP_PARAM_MAX ? 0 : -EBADMSG;
}

/* RFC 3261 18.3: in a datagram what is past Content-Length does not count, and a body that is
 * shorter than it is an error. */
static int cut_body(struct sip_shape *shape)
{
	struct sip_text value = shape->header[SIP_LENGTH];

	if (!value.p)
		return 0;
	return sip_text_uint(value, shape->body.len, &shape->body.len) ? 0 : -EBADMSG;
}

int sip_precheck(struct sip_shape *shape, char *msg, size_t len)
{
	size_t crlf = line_ends_len(msg, len);
	size_t body = unfold_headers(msg + crlf, len - crlf) + crlf;
	struct sip_text rest = {msg + crlf, body - crlf}, line;
	struct sip_shape found = {.body = {msg + body, len - body}};
	size_t headers = 0;

	if (!sip_text_line(&rest, &line) || read_start(&found, line) < 0)
		return -EBADMSG;
	while (sip_text_line(&rest, &line) && line.len > 0)
		if (++headers > SIP_HEADERS_MAX || read_header(&found, line) < 0)
			return -EBADMSG;
	if (check_bounds(&found) < 0 || cut_body(&found) < 0)
		return -EBADMSG;
	*shape = found;
	return 0;
}
