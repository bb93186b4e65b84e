/* SPDX-License-Identifier: BSD-2-Clause */
/* Content-Type and multipart bodies; our own, since libosip2 leaks on malformed ones. */
#include "body.h"

#include <string.h>

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* "type/subtype" in front of the parameters, which are left in value. */
static void cut_type(struct sip_text *value, struct sip_text *type, struct sip_text *subtype)
{
	struct sip_text name;

	sip_text_cut(value, ';', &name);
	sip_text_cut(&name, '/', type);
	*type = sip_text_trim(*type);
	*subtype = sip_text_trim(name);
}

static bool is_sdp(struct sip_text value)
{
	struct sip_text type, subtype;

	cut_type(&value, &type, &subtype);
	return sip_text_is(type, "application") && sip_text_is(subtype, "sdp");
}

static struct sip_text unquote(struct sip_text text)
{
	if (text.len >= 2 && text.p[0] == '"' && text.p[text.len - 1] == '"')
		return (struct sip_text){text.p + 1, text.len - 2};
	return text;
}

/* Neither a boundary nor the other values in use can hold a ';'. */
static bool get_boundary(struct sip_text value, struct sip_text *boundary)
{
	struct sip_text type, subtype, param, name;

	cut_type(&value, &type, &subtype);
	if (!sip_text_is(type, "multipart"))
		return false;
	while (value.len > 0) {
		sip_text_cut(&value, ';', &param);
		sip_text_cut(&param, '=', &name);
		if (!sip_text_is(sip_text_trim(name), "boundary"))
			continue;
		*boundary = unquote(sip_text_trim(param));
		return boundary->len > 0 && boundary->len <= BOUNDARY_MAX;
	}
	return false;
}

/* "--boundary" or, in front of the end, "--boundary--"; blanks may follow. */
static bool is_delimiter(struct sip_text line, struct sip_text boundary, bool *last)
{
	size_t len = boundary.len + 2;

	if (line.len < len || memcmp(line.p, "--", 2) != 0 ||
	    memcmp(line.p + 2, boundary.p, boundary.len) != 0)
		return false;
	line = sip_text_trim((struct sip_text){line.p + len, line.len - len});
	*last = sip_text_is(line, "--");
	return *last || line.len == 0;
}

/* Takes what stands before the next delimiter. *last: nothing follows it. */
static struct sip_text cut_part(struct sip_text *rest, struct sip_text boundary, bool *last)
{
	struct sip_text part = {rest->p, 0}, line;

	while (sip_text_line(rest, &line)) {
		if (is_delimiter(line, boundary, last))
			return part;
		part.len = (size_t)(rest->p - part.p);
	}
	*last = true;
	return part;
}

/* Leaves the part's content in part. Continuations of its header lines hold parameters only. */
static bool part_is_sdp(struct sip_text *part)
{
	struct sip_text line, name;
	bool found = false;

	while (sip_text_line(part, &line) && line.len > 0) {
		sip_text_cut(&line, ':', &name);
		found = found || (sip_text_is(sip_text_trim(name), "Content-Type") && is_sdp(line));
	}
	return found;
}

bool sip_body_sdp(const struct sip_shape *shape, struct sip_text *sdp)
{
	struct sip_text rest = shape->body, boundary;
	bool last;

	if (shape->header[SIP_ENCODING].p && !sip_text_is(shape->header[SIP_ENCODING], "identity"))
		return false;
	*sdp = shape->body;
	if (is_sdp(shape->header[SIP_TYPE]))
		return true;
	if (!get_boundary(shape->header[SIP_TYPE], &boundary))
		return false;
	cut_part(&rest, boundary, &last); /* the preamble */
	while (!last) {
		*sdp = cut_part(&rest, boundary, &last);
		if (part_is_sdp(sdp))
			return true;
	}
	return false;
}
