/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS of a simulated world: every DC serves its zones, and lies may be told in between. */
#include "sim.h"

#include "ntm/dnsmsg.h"

#include <errno.h>

/* An answer that does not come. */
#define SILENCE_MS 2000

struct sim_query {
	struct sim_query *next, **link;
	struct ntm_timer timer;
	struct sim *sim;
	uint64_t id;
	char name[256];
	uint16_t type;
	bool is_lost;
	ntm_dnsclient_fn *fn;
	void *arg;
};

static void query_free(struct sim_query *query)
{
	ntm_timer_del(&query->sim->timers, &query->timer);
	*query->link = query->next;
	if (query->next != NULL)
		query->next->link = query->link;
	free(query);
}

void sim_dns_free(struct sim *sim)
{
	while (sim->queries != NULL)
		query_free(sim->queries);
}

static const struct sim_lie *find_lie(const struct sim *sim, const struct sim_query *query)
{
	for (size_t i = 0; i < SIM_LIES; i++)
		if (sim->dns.lie[i].type == query->type &&
		    strcmp(sim->dns.lie[i].name, query->name) == 0)
			return &sim->dns.lie[i];
	return NULL;
}

static size_t tell_lie(const struct sim_lie *lie, const uint8_t *msg, size_t len, uint8_t *out,
		       size_t cap)
{
	struct ntm_dns_query asked;
	struct ntm_dns_rr rr = {.type = lie->type, .ttl_s = 60};
	struct ntm_dns_reply reply = {.answer_count = 1, .answers = &rr};

	assert_int_equal(ntm_dns_query_parse(&asked, msg, len), 0);
	if (lie->target[0] == '\0' && lie->ip.family == 0)
		reply = (struct ntm_dns_reply){.rcode = NTM_DNS_NXDOMAIN};
	else if (lie->type == NTM_DNS_A || lie->type == NTM_DNS_AAAA)
		rr.ip = lie->ip;
	else if (lie->type == NTM_DNS_TXT)
		snprintf(rr.text, sizeof(rr.text), "%s", lie->target);
	else if (lie->type == NTM_DNS_SRV)
		snprintf(rr.srv.target, sizeof(rr.srv.target), "%s", lie->target);
	else
		snprintf(rr.target, sizeof(rr.target), "%s", lie->target);
	if (lie->type == NTM_DNS_SRV)
		rr.srv.port = SIM_NTM_PORT;
	return ntm_dns_reply_build(&asked, &reply, out, cap);
}

/* What the DC says whose zone the name is in; 0: nobody's. *is_dead: it does not run. */
static size_t ask_zones(const struct sim *sim, const uint8_t *msg, size_t len, uint8_t *out,
			size_t cap, bool *is_dead)
{
	for (const struct sim_dc *dc = sim->dcs; dc != NULL; dc = dc->next) {
		size_t out_len = zone_answer(&dc->zone, msg, len, ZONE_TCP, out, cap);

		if (out_len > 3 && (out[3] & 15) != NTM_DNS_REFUSED) {
			*is_dead = dc->dc == NULL;
			return out_len;
		}
	}
	return 0;
}

static void answer(void *arg)
{
	struct sim_query *query = arg;
	struct sim *sim = query->sim;
	struct ntm_dnsclient_answer told = {.secure = sim->dns.is_signed};
	const struct sim_lie *lie = find_lie(sim, query);
	ntm_dnsclient_fn *fn = query->fn;
	void *fn_arg = query->arg;
	uint8_t msg[512], out[NTM_DNS_TCP_MAX];
	bool is_dead = false;
	size_t len = ntm_dns_query_build(1, query->name, query->type, true, msg, sizeof(msg));

	assert_true(len > 0);
	told.len = lie != NULL ? tell_lie(lie, msg, len, out, sizeof(out))
			       : ask_zones(sim, msg, len, out, sizeof(out), &is_dead);
	told.msg = out;
	if (query->is_lost || is_dead)
		told.err = -EHOSTUNREACH;
	else if (told.len < 12 || (out[3] & 15) != 0 || (out[6] == 0 && out[7] == 0))
		told.err = -ENOENT;
	query_free(query);
	fn(fn_arg, &told);
}

int sim_dns_ask(struct sim *sim, const char *name, uint16_t type, ntm_dnsclient_fn *fn, void *arg,
		uint64_t *id)
{
	struct sim_query *query = calloc(1, sizeof(*query));

	assert_non_null(query);
	query->sim = sim;
	query->id = ++sim->dns.asked;
	query->type = type;
	query->fn = fn;
	query->arg = arg;
	snprintf(query->name, sizeof(query->name), "%s", name);
	query->is_lost = sim_random_below(&sim->rng, 1000) < sim->dns.loss;
	query->next = sim->queries;
	query->link = &sim->queries;
	if (query->next != NULL)
		query->next->link = &query->next;
	sim->queries = query;
	ntm_timer_init(&query->timer, answer, query);
	ntm_timer_set(&sim->timers, &query->timer, query->is_lost ? SILENCE_MS : sim->dns.delay_ms);
	*id = query->id;
	return 0;
}

void sim_dns_cancel(struct sim *sim, uint64_t id)
{
	for (struct sim_query *query = sim->queries; query != NULL; query = query->next)
		if (query->id == id) {
			query_free(query);
			return;
		}
}

void sim_dns_lie(struct sim *sim, const char *name, uint16_t type, const char *target,
		 const char *ip)
{
	size_t i = 0;

	while (i < SIM_LIES && sim->dns.lie[i].name[0] != '\0')
		i++;
	assert_true(i < SIM_LIES);
	snprintf(sim->dns.lie[i].name, sizeof(sim->dns.lie[i].name), "%s", name);
	snprintf(sim->dns.lie[i].target, sizeof(sim->dns.lie[i].target), "%s", target);
	sim->dns.lie[i].type = type;
	if (ip[0] != '\0')
		sim->dns.lie[i].ip = sim_ip(ip);
}

void sim_dns_truth(struct sim *sim)
{
	memset(sim->dns.lie, 0, sizeof(sim->dns.lie));
}
