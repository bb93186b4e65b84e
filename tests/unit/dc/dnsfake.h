/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS played by the test: it sees each question, and says what is answered and when; or a table
 * answers. Include after cmocka.h. */
#pragma once

#include "ntm/dnsclient.h"
#include "ntm/dnsmsg.h"
#include "ntm/timers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DNSFAKE_QUESTIONS 2048
#define DNSFAKE_RECORDS   32
#define DNSFAKE_DELAY_MS  5

struct dnsfake;

struct dnsfake_question {
	struct dnsfake *dns;
	uint64_t id; /* 0: answered or cancelled */
	bool is_cancelled;
	char name[NTM_DNS_NAME_STR];
	uint16_t type;
	ntm_dnsclient_fn *fn;
	void *arg;
	struct ntm_timer timer;
};

/* Zeros are right, but for timers. */
struct dnsfake {
	struct ntm_timers *timers;
	int err; /* of asking, as long as it is not 0 */
	size_t count;
	struct dnsfake_question question[DNSFAKE_QUESTIONS];
	/* The table; without one the test answers. A record without data: no such name. */
	bool has_table, is_secure;
	size_t record_count;
	struct {
		char name[NTM_DNS_NAME_STR];
		struct ntm_dns_rr rr;
	} record[DNSFAKE_RECORDS];
};

/* ---- records ---- */

static inline struct ntm_dns_rr rr_ip(const char *ip)
{
	struct ntm_dns_rr rr = {.ttl_s = 60};

	assert_int_equal(ntm_ip_parse(&rr.ip, ip), 0);
	rr.type = rr.ip.family == 4 ? NTM_DNS_A : NTM_DNS_AAAA;
	return rr;
}

static inline struct ntm_dns_rr rr_name(uint16_t type, const char *target)
{
	struct ntm_dns_rr rr = {.type = type, .ttl_s = 60};

	snprintf(rr.target, sizeof(rr.target), "%s", target);
	return rr;
}

static inline struct ntm_dns_rr rr_srv(uint16_t priority, uint16_t port, const char *target)
{
	struct ntm_dns_rr rr = {.type = NTM_DNS_SRV, .ttl_s = 60};

	rr.srv.priority = priority;
	rr.srv.port = port;
	snprintf(rr.srv.target, sizeof(rr.srv.target), "%s", target);
	return rr;
}

static inline struct ntm_dns_rr rr_txt(const char *text)
{
	struct ntm_dns_rr rr = {.type = NTM_DNS_TXT, .ttl_s = 60};

	snprintf(rr.text, sizeof(rr.text), "%s", text);
	return rr;
}

/* ---- answers ---- */

static inline void question_end(struct dnsfake_question *q)
{
	ntm_timer_del(q->dns->timers, &q->timer);
	q->id = 0;
}

static inline void question_fail(struct dnsfake_question *q, int err, const char *why)
{
	struct ntm_dnsclient_answer answer = {.err = err, .why = why};

	assert_int_not_equal(q->id, 0);
	question_end(q);
	q->fn(q->arg, &answer);
}

/* name: of the question in the message, as if it were another one. */
static inline void question_answer_as(struct dnsfake_question *q, const char *name, bool secure,
				      struct ntm_dns_rr *rr, size_t count)
{
	struct ntm_dns_reply reply = {.answer_count = count, .answers = rr};
	struct ntm_dnsclient_answer answer = {.secure = secure};
	struct ntm_dns_query query;
	uint8_t asked[512], out[NTM_DNS_TCP_MAX];
	size_t len = ntm_dns_query_build(1, name, q->type, true, asked, sizeof(asked));

	assert_int_not_equal(q->id, 0);
	assert_true(len > 0);
	assert_int_equal(ntm_dns_query_parse(&query, asked, len), 0);
	answer.len = ntm_dns_reply_build(&query, &reply, out, sizeof(out));
	assert_true(answer.len > 0);
	answer.msg = out;
	question_end(q);
	q->fn(q->arg, &answer);
}

static inline void question_answer(struct dnsfake_question *q, struct ntm_dns_rr *rr, size_t count)
{
	question_answer_as(q, q->name, false, rr, count);
}

static inline void question_answer1(struct dnsfake_question *q, struct ntm_dns_rr rr)
{
	question_answer(q, &rr, 1);
}

static inline void question_timer(void *arg)
{
	struct dnsfake_question *q = arg;
	const struct dnsfake *dns = q->dns;
	struct ntm_dns_rr rr[DNSFAKE_RECORDS];
	size_t count = 0;

	for (size_t i = 0; i < dns->record_count; i++)
		if (dns->record[i].rr.type == q->type && strcmp(dns->record[i].name, q->name) == 0)
			rr[count++] = dns->record[i].rr;
	if (count > 0)
		question_answer_as(q, q->name, dns->is_secure, rr, count);
	else
		question_fail(q, -ENOENT, NULL);
}

/* ---- what is asked ---- */

static inline int dnsfake_lookup(struct dnsfake *dns, const char *name, uint16_t type,
				 ntm_dnsclient_fn *fn, void *arg, uint64_t *id)
{
	struct dnsfake_question *q = &dns->question[dns->count];

	if (dns->err != 0)
		return dns->err;
	assert_true(dns->count < DNSFAKE_QUESTIONS);
	*q = (struct dnsfake_question){.dns = dns,
				       .id = ++dns->count,
				       .type = type,
				       .fn = fn,
				       .arg = arg};
	snprintf(q->name, sizeof(q->name), "%s", name);
	ntm_timer_init(&q->timer, question_timer, q);
	if (dns->has_table)
		ntm_timer_set(dns->timers, &q->timer, DNSFAKE_DELAY_MS);
	*id = q->id;
	return 0;
}

static inline void dnsfake_cancel(struct dnsfake *dns, uint64_t id)
{
	assert_in_range(id, 1, dns->count);
	assert_int_equal(dns->question[id - 1].id, id); /* nothing twice, nothing answered */
	question_end(&dns->question[id - 1]);
	dns->question[id - 1].is_cancelled = true;
}

static inline size_t dnsfake_open(const struct dnsfake *dns)
{
	size_t count = 0;

	for (size_t i = 0; i < dns->count; i++)
		count += dns->question[i].id != 0;
	return count;
}

/* The open question, or NULL. */
static inline struct dnsfake_question *dnsfake_find(struct dnsfake *dns, uint16_t type,
						    const char *name)
{
	for (size_t i = 0; i < dns->count; i++) {
		struct dnsfake_question *q = &dns->question[i];

		if (q->id != 0 && q->type == type && strcmp(q->name, name) == 0)
			return q;
	}
	return NULL;
}

/* How often it was asked. */
static inline size_t dnsfake_asked(const struct dnsfake *dns, uint16_t type, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < dns->count; i++)
		count += dns->question[i].type == type && strcmp(dns->question[i].name, name) == 0;
	return count;
}

static inline void dnsfake_add(struct dnsfake *dns, const char *name, struct ntm_dns_rr rr)
{
	assert_true(dns->record_count < DNSFAKE_RECORDS);
	dns->has_table = true;
	snprintf(dns->record[dns->record_count].name, NTM_DNS_NAME_STR, "%s", name);
	dns->record[dns->record_count++].rr = rr;
}

/* All records of that name and type. */
static inline void dnsfake_remove(struct dnsfake *dns, uint16_t type, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < dns->record_count; i++)
		if (dns->record[i].rr.type != type || strcmp(dns->record[i].name, name) != 0)
			dns->record[kept++] = dns->record[i];
	dns->record_count = kept;
}
