/* SPDX-License-Identifier: BSD-2-Clause */
/* The node's resolver: NTM names start directions and wait, the rest goes to the DC or upstream. */
#include "resolver.h"

#include "ntm/dnsmsg.h"
#include "ntm/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DNS_PORT 53
/* Longest query that is kept: a name, EDNS with a cookie, and some. */
#define QUERY_MAX 512
#define CLASS_IN  1

enum pending_state {
	PENDING_FREE,
	PENDING_TUNNEL,   /* a direction by name is under way */
	PENDING_DC,       /* RESOLVE */
	PENDING_UPSTREAM, /* the host's former resolvers */
	PENDING_ROUTE,    /* the answer is here, and waits for routes to what it names */
};

/* One query that waits for its answer. */
struct pending {
	struct resolver *resolver;
	enum pending_state state;
	uint16_t generation;
	struct ntm_addr asker;
	struct ntm_ip us; /* the resolver address that was asked */
	bool to_dc;       /* what is no node's is for our DC to answer, else for upstream */
	struct tunnel_wait wait;
	struct ntm_timer timer;
	int64_t at_ms;
	size_t len;
	uint8_t query[QUERY_MAX];
	int64_t generation_due; /* PENDING_ROUTE: of the routes */
	uint8_t *answer;        /* PENDING_ROUTE: heap */
	size_t answer_len;
};

struct resolver {
	struct resolver_args args;
	struct resolver_counters counters;
	size_t used;
	struct pending *pending[RESOLVER_PENDING_MAX]; /* made when first used */
};

/* A slot as others know it: place and generation, so that a late answer hits nobody else's query.
 */
static uint16_t slot_of(const struct pending *p)
{
	for (uint16_t i = 0; i < RESOLVER_PENDING_MAX; i++)
		if (p->resolver->pending[i] == p)
			return (uint16_t)(i | p->generation << 8);
	return UINT16_MAX;
}

static void release(struct pending *p)
{
	tunnel_wait_cancel(&p->wait);
	ntm_timer_del(p->resolver->args.timers, &p->timer);
	free(p->answer);
	p->answer = NULL;
	p->state = PENDING_FREE;
	p->generation = (uint16_t)((p->generation + 1) & 0xff);
	p->resolver->used--;
}

/* False when it is too long for a packet. */
static bool send_dns(struct resolver *r, const struct ntm_ip *us, const struct ntm_addr *asker,
		     const uint8_t *msg, size_t len)
{
	uint8_t pkt[NTM_PKT_MAX];
	struct ntm_addr from = {.ip = *us, .port = DNS_PORT};
	size_t pkt_len = ntm_ippkt_build_udp(pkt, sizeof(pkt), &from, asker, msg, len);

	if (pkt_len > 0)
		r->args.tun_write(r->args.ctx, pkt, pkt_len);
	return pkt_len > 0;
}

static void reply_to(struct resolver *r, const struct ntm_ip *us, const struct ntm_addr *asker,
		     const struct ntm_dns_query *query, const struct ntm_dns_reply *reply)
{
	uint8_t msg[NTM_DNS_UDP_MAX];
	size_t len = ntm_dns_reply_build(query, reply, msg, query->udp_size);

	if (reply->rcode == NTM_DNS_SERVFAIL)
		r->counters.servfail++;
	if (len > 0)
		(void)send_dns(r, us, asker, msg, len);
}

/* Answers a kept query with an rcode and at most one record, and lets it go. */
static void finish(struct pending *p, uint16_t rcode, struct ntm_dns_rr *rr)
{
	struct ntm_dns_query query;
	struct ntm_dns_reply reply = {.rcode = rcode, .recursion_available = true};

	if (rr != NULL) {
		reply.answers = rr;
		reply.answer_count = 1;
	}
	if (ntm_dns_query_parse(&query, p->query, p->len) == 0)
		reply_to(p->resolver, &p->us, &p->asker, &query, &reply);
	release(p);
}

static void finish_vip(struct pending *p, const struct ntm_ip *vip4, const struct ntm_ip *vip6)
{
	struct ntm_dns_query query;
	struct ntm_dns_rr rr = {.ttl_s = RESOLVER_TTL_S};

	p->resolver->counters.answered_up++;
	if (ntm_dns_query_parse(&query, p->query, p->len) != 0) {
		release(p);
		return;
	}
	rr.type = query.type;
	rr.ip = query.type == NTM_DNS_A ? *vip4 : *vip6;
	finish(p, NTM_DNS_NOERROR, rr.ip.family != 0 ? &rr : NULL);
}

static void on_timer(void *arg)
{
	struct pending *p = arg;

	if (p->state == PENDING_TUNNEL)
		p->resolver->counters.answered_late++;
	finish(p, NTM_DNS_SERVFAIL, NULL);
}

static void on_tunnel(void *arg, const struct tunnel_result *result);

static struct pending *make_pending(struct resolver *r, size_t place)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->resolver = r;
	p->wait.fn = on_tunnel;
	p->wait.arg = p;
	ntm_timer_init(&p->timer, on_timer, p);
	r->pending[place] = p;
	return p;
}

static struct pending *take_pending(struct resolver *r)
{
	struct pending *oldest = NULL;

	for (size_t i = 0; i < RESOLVER_PENDING_MAX; i++) {
		struct pending *p = r->pending[i];

		if (p == NULL)
			p = make_pending(r, i);
		if (p == NULL)
			break; /* out of memory: an older one makes room */
		if (p->state == PENDING_FREE) {
			r->used++;
			return p;
		}
		if (oldest == NULL || p->at_ms < oldest->at_ms)
			oldest = p;
	}
	if (oldest == NULL)
		return NULL;
	finish(oldest, NTM_DNS_SERVFAIL, NULL);
	r->used++;
	return oldest;
}

static struct pending *keep(struct resolver *r, const struct ntm_ippkt *view)
{
	struct pending *p = take_pending(r);

	if (p == NULL)
		return NULL;
	p->asker = (struct ntm_addr){.ip = view->src, .port = view->sport};
	p->us = view->dst;
	p->at_ms = r->args.timers->now_ms;
	p->len = view->payload_len;
	memcpy(p->query, view->payload, view->payload_len);
	return p;
}

static void forward(struct pending *p)
{
	struct resolver *r = p->resolver;
	bool (*way)(void *, uint16_t, const uint8_t *, size_t) =
		p->to_dc ? r->args.to_dc : r->args.upstream;

	p->state = p->to_dc ? PENDING_DC : PENDING_UPSTREAM;
	if (p->to_dc)
		r->counters.forwarded_dc++;
	else
		r->counters.forwarded_upstream++;
	ntm_timer_set(r->args.timers, &p->timer, RESOLVER_UPSTREAM_MS);
	if (!way(r->args.ctx, slot_of(p), p->query, p->len))
		finish(p, NTM_DNS_SERVFAIL, NULL);
}

/* A name that is no node's: the domain's DNS knows what to say (its DC's address, NXDOMAIN). */
static bool is_no_node(uint8_t code)
{
	return code == NTM_DIR_NOT_NTM || code == NTM_DIR_NO_SUCH_NAME;
}

static void on_tunnel(void *arg, const struct tunnel_result *result)
{
	struct pending *p = arg;

	if (result->err == 0) {
		struct ntm_ip vip4 = tunnel_vip(result->tunnel, 4);
		struct ntm_ip vip6 = tunnel_vip(result->tunnel, 6);

		finish_vip(p, &vip4, &vip6);
	} else if (is_no_node(result->code)) {
		forward(p);
	} else {
		finish(p, NTM_DNS_SERVFAIL, NULL);
	}
}

/* R53: the application's query for a node's name is the trigger. */
static void want_node(struct pending *p, const char *name)
{
	struct resolver *r = p->resolver;
	struct tunnel_target target = {.fqdn = name};
	const struct tunnel *tunnel = NULL;

	r->counters.ntm_names++;
	p->state = PENDING_TUNNEL;
	if (strcmp(name, r->args.realm->lease->fqdn) == 0) {
		finish_vip(p, &r->args.realm->lease->vip4, &r->args.realm->lease->vip6);
		return;
	}
	int err = tunnel_want(r->args.tunnels, &target, NTM_REASON_NAME, &p->wait, &tunnel);
	if (err == 0) {
		ntm_timer_set(r->args.timers, &p->timer, r->args.name_deadline_ms);
		return;
	}
	struct tunnel_result now = {.err = err == 1 ? 0 : err, .tunnel = tunnel};
	if (err < 0 && tunnel != NULL)
		now.code = tunnel_fail_code(tunnel);
	on_tunnel(p, &now);
}

/* A service label such as _sip (RFC 2782). */
static bool has_service_label(const char *name)
{
	return name[0] == '_' || strstr(name, "._") != NULL;
}

/* May name a node: of a domain of NTM's, not the domain itself, and no service. */
static bool is_node_name(const char *name, const char *domain)
{
	char canon[NTM_NAME_MAX + 1];

	return ntm_name_canon(canon, name) == 0 && !has_service_label(name) &&
	       strcmp(name, domain) != 0;
}

static void answer_ptr(struct pending *p, const char *fqdn)
{
	struct ntm_dns_rr rr = {.type = NTM_DNS_PTR, .ttl_s = RESOLVER_TTL_S};

	memcpy(rr.target, fqdn, strlen(fqdn) + 1);
	finish(p, NTM_DNS_NOERROR, &rr);
}

/* Our DC serves our own zones only: the other domains' are found as everybody finds them. */
static void dispatch(struct pending *p, const struct ntm_dns_query *query)
{
	struct resolver *r = p->resolver;
	const struct realm *realm = r->args.realm;
	const struct partner *partner = NULL;
	enum realm_owner owner = realm_owner_of_name(realm, query->name, &partner);
	struct ntm_ip ip = {0};
	bool is_reverse = ntm_ip_from_arpa(&ip, query->name) == 0;
	/* What we cannot answer ourselves is for the DC to refuse, or for upstream. */
	bool is_plain = query->cls == CLASS_IN && query->edns_version == 0;
	bool is_address = query->type == NTM_DNS_A || query->type == NTM_DNS_AAAA;
	const char *domain = partner != NULL ? partner->domain : realm->lease->domain;
	const char *fqdn =
		is_plain && is_reverse && query->type == NTM_DNS_PTR && realm_is_virtual(realm, &ip)
			? r->args.name_of(r->args.ctx, &ip)
			: NULL;

	p->to_dc = owner == REALM_OWN || (is_reverse && lease_is_virtual(realm->lease, &ip));
	if (fqdn != NULL)
		answer_ptr(p, fqdn);
	else if (is_plain && is_address && owner != REALM_NOBODY &&
		 is_node_name(query->name, domain))
		want_node(p, query->name);
	else
		forward(p);
}

static bool is_same(const struct pending *p, const struct ntm_ippkt *view)
{
	return p != NULL && p->state != PENDING_FREE && p->asker.port == view->sport &&
	       ntm_ip_eq(&p->asker.ip, &view->src) && ntm_ip_eq(&p->us, &view->dst) &&
	       p->len == view->payload_len && memcmp(p->query, view->payload, p->len) == 0;
}

static void on_query(struct resolver *r, const struct ntm_ippkt *view)
{
	struct ntm_addr asker = {.ip = view->src, .port = view->sport};
	struct ntm_dns_query query;
	uint8_t formerr[12];

	r->counters.queries++;
	if (view->payload_len > QUERY_MAX ||
	    ntm_dns_query_parse(&query, view->payload, view->payload_len) != 0) {
		r->counters.malformed++;
		if (ntm_dns_formerr(view->payload, view->payload_len, formerr) > 0)
			(void)send_dns(r, &view->dst, &asker, formerr, sizeof(formerr));
		return;
	}
	if (query.opcode != 0) {
		struct ntm_dns_reply reply = {.rcode = NTM_DNS_NOTIMP};

		reply_to(r, &view->dst, &asker, &query, &reply);
		return;
	}
	for (size_t i = 0; i < RESOLVER_PENDING_MAX && r->used > 0; i++)
		if (is_same(r->pending[i], view))
			return; /* asked again: one answer is enough */
	struct pending *p = keep(r, view);
	if (p != NULL)
		dispatch(p, &query);
}

struct resolver *resolver_new(const struct resolver_args *args)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->args = *args;
	return r;
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < RESOLVER_PENDING_MAX; i++) {
		if (r->pending[i] == NULL)
			continue;
		tunnel_wait_cancel(&r->pending[i]->wait);
		ntm_timer_del(r->args.timers, &r->pending[i]->timer);
		free(r->pending[i]->answer);
		free(r->pending[i]);
	}
	free(r);
}

void resolver_packet(struct resolver *r, const struct ntm_ippkt *view, const uint8_t *pkt,
		     size_t len)
{
	uint8_t out[1280];

	if (view->proto == NTM_IPPROTO_UDP && view->dport == DNS_PORT && !view->is_fragment) {
		on_query(r, view);
		return;
	}
	/* DNS over TCP would need a TCP of our own; askers come here only after TC, which we do not
	 * set for our own small answers. */
	size_t out_len = ntm_ippkt_build_unreachable(out, sizeof(out), &view->dst, pkt, len,
						     NTM_UNREACH_ADMIN);
	if (out_len > 0)
		r->args.tun_write(r->args.ctx, out, out_len);
}

/* security.md A6: a foreign name must not point into the virtual prefixes (rebinding). Of a full
 * answer there may be more than was looked at. */
static bool points_inside(const struct resolver *r, const struct ntm_dns_response *response)
{
	if (response->count >= NTM_DNS_ANSWERS)
		return true;
	for (size_t i = 0; i < response->count; i++) {
		const struct ntm_dns_rr *rr = &response->rr[i];

		if ((rr->type == NTM_DNS_A || rr->type == NTM_DNS_AAAA) &&
		    realm_is_virtual(r->args.realm, &rr->ip))
			return true;
	}
	return false;
}

/* The answer fits the question, and may be given: when the routes of the generation *due are there.
 * Heap: a parsed response is large. */
static bool is_acceptable(struct resolver *r, const struct pending *p, const uint8_t *msg,
			  size_t len, int64_t *due)
{
	struct ntm_dns_query query;
	struct ntm_dns_response *response = malloc(sizeof(*response));
	bool is_upstream = p->state == PENDING_UPSTREAM;
	bool ok = response != NULL && ntm_dns_query_parse(&query, p->query, p->len) == 0 &&
		  ntm_dns_response_parse(response, msg, len) == 0 && response->id == query.id &&
		  response->type == query.type && strcmp(response->name, query.name) == 0;

	*due = 0;
	if (ok && is_upstream && points_inside(r, response)) {
		r->counters.rebinding++;
		ok = false;
	}
	if (ok && is_upstream && r->args.learn != NULL)
		*due = r->args.learn(r->args.ctx, response);
	free(response);
	return ok && *due >= 0;
}

static bool give(struct pending *p, const uint8_t *msg, size_t len)
{
	if (!send_dns(p->resolver, &p->us, &p->asker, msg, len)) /* as it came */
		return false;
	release(p);
	return true;
}

/* The application must not be faster than the route to what it asked for. */
static bool hold(struct pending *p, const uint8_t *msg, size_t len, int64_t due)
{
	p->answer = malloc(len);
	if (p->answer == NULL)
		return false;
	memcpy(p->answer, msg, len);
	p->answer_len = len;
	p->generation_due = due;
	p->state = PENDING_ROUTE;
	p->resolver->counters.waited_route++;
	ntm_timer_set(p->resolver->args.timers, &p->timer, RESOLVER_ROUTE_MS);
	return true;
}

void resolver_on_routed(struct resolver *r, int64_t generation)
{
	for (size_t i = 0; i < RESOLVER_PENDING_MAX; i++) {
		struct pending *p = r->pending[i];

		if (p != NULL && p->state == PENDING_ROUTE && p->generation_due <= generation &&
		    !give(p, p->answer, p->answer_len))
			finish(p, NTM_DNS_SERVFAIL, NULL);
	}
}

void resolver_answer(struct resolver *r, uint16_t slot, const uint8_t *msg, size_t len)
{
	struct pending *p = r->pending[slot % RESOLVER_PENDING_MAX];
	int64_t due = 0;

	if (p == NULL || p->generation != slot >> 8 ||
	    (p->state != PENDING_DC && p->state != PENDING_UPSTREAM))
		return;
	if (msg == NULL || !is_acceptable(r, p, msg, len, &due) ||
	    !(due > 0 ? hold(p, msg, len, due) : give(p, msg, len)))
		finish(p, NTM_DNS_SERVFAIL, NULL);
}

const struct resolver_counters *resolver_counters(const struct resolver *r)
{
	return &r->counters;
}
