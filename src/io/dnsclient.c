/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS questions in the event loop; a thread of libunbound's finds the answers. */
#include "dnsclient_int.h"

#include "ntm/log.h"
#include "ntm/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unbound.h>

#define CLASS_IN       1
#define RCODE_NOERROR  0
#define RCODE_NXDOMAIN 3

struct lookup {
	struct ntm_dnsclient *client;
	uint64_t id; /* 0: free slot */
	int ub_id;
	ntm_dnsclient_fn *fn;
	void *arg;
	struct ntm_timer timer;
	/* Came, and is told when libunbound has returned: fn may free the client. */
	bool has_come;
	int ub_err;
	struct ub_result *result;
};

struct ntm_dnsclient {
	struct ub_ctx *ub;
	struct ntm_timers *timers;
	struct ntm_watch *watch;
	uint64_t next_seq;
	bool has_thread;
	/* Answers are being told, and one of those who hear them may free the client: it goes after
	 * the last one. */
	bool is_telling, is_freed;
	struct ntm_dnsclient_counters counters;
	struct lookup lookups[NTM_DNSCLIENT_OPEN_MAX];
};

/* An id names its slot, and the use of it. */
static uint64_t new_id(struct ntm_dnsclient *client, size_t slot)
{
	return ++client->next_seq * NTM_DNSCLIENT_OPEN_MAX + slot;
}

static struct lookup *find(struct ntm_dnsclient *client, uint64_t id)
{
	struct lookup *lookup = &client->lookups[id % NTM_DNSCLIENT_OPEN_MAX];

	return id != 0 && lookup->id == id ? lookup : NULL;
}

static struct lookup *find_free(struct ntm_dnsclient *client)
{
	for (size_t i = 0; i < NTM_DNSCLIENT_OPEN_MAX; i++) {
		if (client->lookups[i].id == 0)
			return &client->lookups[i];
	}
	return NULL;
}

static void close_lookup(struct lookup *lookup)
{
	ntm_timer_del(lookup->client->timers, &lookup->timer);
	ub_resolve_free(lookup->result);
	lookup->result = NULL;
	lookup->has_come = false;
	lookup->id = 0;
}

/* The thread goes on with the question and caches what it finds; its answer is not told. libunbound
 * promises this when one thread both cancels and processes. */
static void abandon(struct lookup *lookup)
{
	if (!lookup->has_come)
		ub_cancel(lookup->client->ub, lookup->ub_id);
	close_lookup(lookup);
}

static struct ntm_dnsclient_answer read_result(int ub_err, const struct ub_result *result)
{
	struct ntm_dnsclient_answer answer = {.err = -EHOSTUNREACH};

	if (ub_err == UB_NOMEM)
		answer.err = -ENOMEM;
	if (ub_err != UB_NOERROR || result == NULL)
		return answer;
	answer.secure = result->secure;
	if (result->bogus) {
		answer.err = -EBADMSG;
		answer.why = result->why_bogus != NULL ? result->why_bogus : "DNSSEC validation";
	} else if (result->rcode == RCODE_NXDOMAIN ||
		   (result->rcode == RCODE_NOERROR && !result->havedata)) {
		answer.err = -ENOENT;
	} else if (result->rcode == RCODE_NOERROR && result->answer_len > 0) {
		answer.err = 0;
		answer.msg = result->answer_packet;
		answer.len = (size_t)result->answer_len;
	}
	return answer;
}

static void count(struct ntm_dnsclient_counters *counters, int err)
{
	if (err == 0)
		counters->answered++;
	else if (err == -ENOENT)
		counters->absent++;
	else if (err == -EBADMSG)
		counters->bogus++;
	else
		counters->failed++;
}

/* Ends the lookup; the client may be gone when this returns. */
static void tell(struct lookup *lookup)
{
	struct ub_result *result = lookup->result;
	struct ntm_dnsclient_answer answer = read_result(lookup->ub_err, result);
	ntm_dnsclient_fn *fn = lookup->fn;
	void *arg = lookup->arg;

	lookup->result = NULL;
	count(&lookup->client->counters, answer.err);
	close_lookup(lookup);
	fn(arg, &answer);
	ub_resolve_free(result);
}

static void on_timeout(void *arg)
{
	struct lookup *lookup = arg;

	ub_cancel(lookup->client->ub, lookup->ub_id);
	lookup->ub_err = UB_SERVFAIL;
	tell(lookup);
}

static void on_result(void *arg, int ub_err, struct ub_result *result)
{
	struct lookup *lookup = arg;

	lookup->has_come = true;
	lookup->ub_err = ub_err;
	lookup->result = result;
}

static void on_readable(void *arg, unsigned events)
{
	struct ntm_dnsclient *client = arg;

	(void)events;
	if (ub_process(client->ub) != UB_NOERROR) {
		ntm_err("DNS lookups: libunbound's thread is gone; restart to have them back");
		ntm_watch_free(client->watch);
		client->watch = NULL;
	}
	client->is_telling = true;
	for (size_t i = 0; i < NTM_DNSCLIENT_OPEN_MAX && !client->is_freed; i++) {
		if (client->lookups[i].has_come)
			tell(&client->lookups[i]);
	}
	client->is_telling = false;
	if (client->is_freed)
		ntm_dnsclient_free(client);
}

/* A signal that the thread took would not wake the loop. */
static int start(struct lookup *lookup, const char *name, uint16_t type)
{
	struct ntm_dnsclient *client = lookup->client;
	sigset_t all, before;

	if (!client->has_thread && !dnsclient_has_descriptors())
		return -EMFILE;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int ub_err = ub_resolve_async(client->ub, name, type, CLASS_IN, lookup, on_result,
				      &lookup->ub_id);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ub_err == UB_NOERROR)
		client->has_thread = true;
	return ub_err == UB_NOERROR ? 0 : ub_err == UB_NOMEM ? -ENOMEM : -EAGAIN;
}

int ntm_dnsclient_ask(struct ntm_dnsclient *client, const char *name, uint16_t type,
		      ntm_dnsclient_fn *fn, void *arg, uint64_t *id)
{
	struct lookup *lookup = find_free(client);

	if (name == NULL || !dnsclient_is_name(name))
		return -EINVAL;
	if (lookup == NULL)
		return -EBUSY;
	lookup->client = client;
	lookup->fn = fn;
	lookup->arg = arg;
	ntm_timer_init(&lookup->timer, on_timeout, lookup);
	int err = start(lookup, name, type);
	if (err != 0)
		return err;
	lookup->id = new_id(client, (size_t)(lookup - client->lookups));
	ntm_timer_set(client->timers, &lookup->timer, NTM_DNSCLIENT_WAIT_MS);
	client->counters.asked++;
	*id = lookup->id;
	return 0;
}

void ntm_dnsclient_cancel(struct ntm_dnsclient *client, uint64_t id)
{
	struct lookup *lookup = find(client, id);

	if (lookup != NULL)
		abandon(lookup);
}

const struct ntm_dnsclient_counters *ntm_dnsclient_counters(const struct ntm_dnsclient *client)
{
	return &client->counters;
}

int ntm_dnsclient_open(const struct ntm_dnsclient_args *args, struct ntm_dnsclient **out,
		       char *words, size_t words_len)
{
	struct ntm_dnsclient *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return -ENOMEM;
	client->timers = ntm_loop_timers(args->loop);
	int err = dnsclient_setup(args, &client->ub, words, words_len);
	if (err == 0)
		err = ntm_loop_watch(args->loop, ub_fd(client->ub), NTM_LOOP_READ, on_readable,
				     client, &client->watch);
	if (err != 0) {
		ntm_dnsclient_free(client);
		return err;
	}
	*out = client;
	return 0;
}

void ntm_dnsclient_free(struct ntm_dnsclient *client)
{
	if (client == NULL)
		return;
	client->is_freed = true;
	if (client->is_telling)
		return;
	for (size_t i = 0; i < NTM_DNSCLIENT_OPEN_MAX; i++) {
		if (client->lookups[i].id != 0)
			close_lookup(&client->lookups[i]);
	}
	ntm_watch_free(client->watch);
	ub_ctx_delete(client->ub);
	free(client);
}
