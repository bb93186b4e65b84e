/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the m=, c=, a=rtcp and a=candidate lines of an SDP and nothing else; linear, no copies. */
#include "sdp.h"

#include <stdint.h>
#include <string.h>

/* A small set; more than fit are only noted. */
struct ips {
	struct ntm_ip ip[NTM_SIP_MEDIA_MAX];
	size_t count;
	bool cut;
};

struct scan {
	struct ips session; /* c= lines before the first m= */
	struct ips section; /* c= lines of this m= */
	struct ips rtcp;    /* a=rtcp lines of this m=; before the first they are nobody's */
	struct ips media;
	struct ips candidates;
	bool in_media;     /* an m= line was seen */
	bool is_live;      /* and its port is one */
	bool has_own_conn; /* and it has a c= line, be it a name */
};

static void ips_add(struct ips *set, const struct ntm_ip *ip)
{
	if (ntm_ip_is_unspecified(ip) || ntm_ip_is_multicast(ip))
		return;
	for (size_t i = 0; i < set->count; i++)
		if (ntm_ip_eq(&set->ip[i], ip))
			return;
	if (set->count == NTM_SIP_MEDIA_MAX)
		set->cut = true;
	else
		set->ip[set->count++] = *ip;
}

static void ips_add_all(struct ips *set, const struct ips *more)
{
	for (size_t i = 0; i < more->count; i++)
		ips_add(set, &more->ip[i]);
	set->cut = set->cut || more->cut;
}

/* Literals only: a name is nobody's virtual address yet. */
static void add_literal(struct ips *set, struct sip_text text)
{
	char literal[NTM_IP_STR];
	struct ntm_ip ip;

	if (text.len >= sizeof(literal))
		return;
	memcpy(literal, text.p, text.len);
	literal[text.len] = '\0';
	if (ntm_ip_parse(&ip, literal) == 0)
		ips_add(set, &ip);
}

/* "IN IP4 192.0.2.1", with a TTL or a count behind slashes when it is multicast. The address itself
 * tells its family: phones go by it, too. */
static void read_connection(struct ips *set, struct sip_text text)
{
	struct sip_text net, type, address, literal;

	if (!sip_text_word(&text, &net) || !sip_text_word(&text, &type) ||
	    !sip_text_word(&text, &address))
		return;
	if (!sip_text_is(net, "IN") || (!sip_text_is(type, "IP4") && !sip_text_is(type, "IP6")))
		return;
	sip_text_cut(&address, '/', &literal);
	add_literal(set, literal);
}

static bool is_port(struct sip_text text)
{
	size_t port;

	return sip_text_uint(text, UINT16_MAX, &port) && port > 0;
}

/* "53020 IN IP4 192.0.2.1", or the port alone: then the address is that of c=. */
static void read_rtcp(struct scan *scan, struct sip_text text)
{
	struct sip_text port;

	if (sip_text_word(&text, &port) && is_port(port))
		read_connection(&scan->rtcp, text);
}

/* "foundation component transport priority address port typ ...". */
static void read_candidate(struct scan *scan, struct sip_text text)
{
	struct sip_text word;

	for (int i = 0; i < 4; i++)
		if (!sip_text_word(&text, &word))
			return;
	if (sip_text_word(&text, &word))
		add_literal(&scan->candidates, word);
}

static void read_attribute(struct scan *scan, struct sip_text text)
{
	struct sip_text name;

	if (!sip_text_cut(&text, ':', &name))
		return;
	if (sip_text_is(name, "rtcp"))
		read_rtcp(scan, text);
	if (sip_text_is(name, "candidate"))
		read_candidate(scan, text);
}

/* The c= of the m= line stands before that of the session. */
static void end_section(struct scan *scan)
{
	if (scan->is_live) {
		ips_add_all(&scan->media, scan->has_own_conn ? &scan->section : &scan->session);
		ips_add_all(&scan->media, &scan->rtcp);
	}
	scan->section = (struct ips){0};
	scan->rtcp = (struct ips){0};
	scan->has_own_conn = false;
	scan->is_live = false;
}

/* "audio 49170/2 RTP/AVP 0": port 0 says that this medium is not wanted. */
static void begin_section(struct scan *scan, struct sip_text text)
{
	struct sip_text media, ports, port;

	end_section(scan);
	scan->in_media = true;
	if (!sip_text_word(&text, &media) || !sip_text_word(&text, &ports))
		return;
	sip_text_cut(&ports, '/', &port);
	scan->is_live = is_port(port);
}

static void read_line(struct scan *scan, struct sip_text line)
{
	struct sip_text value = {line.p + 2, line.len - 2};

	switch (line.p[0]) {
	case 'm':
		begin_section(scan, value);
		break;
	case 'c':
		scan->has_own_conn = scan->in_media;
		read_connection(scan->in_media ? &scan->section : &scan->session, value);
		break;
	case 'a':
		read_attribute(scan, value);
		break;
	default:
		break;
	}
}

static void report(const struct scan *scan, struct ntm_sip *out)
{
	memcpy(out->media, scan->media.ip, sizeof(out->media));
	out->media_count = scan->media.count;
	out->media_cut = scan->media.cut;
	memcpy(out->candidate, scan->candidates.ip, sizeof(out->candidate));
	out->candidate_count = scan->candidates.count;
}

bool sip_sdp_scan(struct sip_text sdp, struct ntm_sip *out)
{
	struct scan scan = {0};
	struct sip_text line;

	/* A NUL ends the text for some programs and not for others. */
	if (!sip_text_starts(sdp, "v=") || memchr(sdp.p, '\0', sdp.len))
		return false;
	while (sip_text_line(&sdp, &line))
		if (line.len > 2 && line.p[1] == '=')
			read_line(&scan, line);
	end_section(&scan);
	report(&scan, out);
	return true;
}
