/* SPDX-License-Identifier: BSD-2-Clause */
/* Phones that call each other through a proxy: RFC 3261 as far as a call needs it, and RTP. */
#include "sim.h"

#include "ntm/wire.h"

#define T1_MS     500
#define T2_MS     4000
#define GIVE_UP   32000 /* 64 * T1 */
#define TEXT_MAX  1400
#define RTP_LEN   172
#define RTP_HEAD  12
#define RTP_PORTS 10000

/* ---- what was sent, for comparison ---- */

struct sip_print {
	struct sip_print *next;
	uint64_t hash;
};

static uint64_t hash_of(const uint8_t *data, size_t len)
{
	static const uint8_t key[16] = "scenario";

	return ntm_siphash24(key, data, len);
}

static void print_add(struct sim *sim, const uint8_t *data, size_t len)
{
	struct sip_print *print = calloc(1, sizeof(*print));

	assert_non_null(print);
	print->hash = hash_of(data, len);
	if (ntm_map_get(sim->sip_sent, &print->hash, sizeof(print->hash)) != NULL) {
		free(print); /* a copy, sent again */
		return;
	}
	print->next = sim->sip_prints;
	sim->sip_prints = print;
	assert_int_equal(ntm_map_put(sim->sip_sent, &print->hash, sizeof(print->hash), print, NULL),
			 0);
}

void sim_sip_arrived(struct sim *sim, const uint8_t *data, size_t len)
{
	uint64_t hash = hash_of(data, len);

	sim->sip_arrived++;
	if (ntm_map_get(sim->sip_sent, &hash, sizeof(hash)) == NULL)
		sim->sip_strange++;
}

static void sip_send(struct sim_node *node, const struct ntm_ip *to, const char *text)
{
	struct ntm_addr src = {.ip = sim_vip(node, to->family), .port = SIM_SIP_PORT};
	struct ntm_addr dst = {.ip = *to, .port = SIM_SIP_PORT};
	uint8_t pkt[NTM_PKT_MAX];
	size_t len = ntm_ippkt_build_udp(pkt, sizeof(pkt), &src, &dst, text, strlen(text));

	assert_true(len > 0);
	print_add(node->sim, pkt, len);
	sim_tun(node, pkt, len);
}

/* ---- text ---- */

static const char *host_of(const struct ntm_ip *ip, char buf[static NTM_IP_STR + 2])
{
	char text[NTM_IP_STR];

	snprintf(buf, NTM_IP_STR + 2, ip->family == 6 ? "[%s]" : "%s", ntm_ip_str(ip, text));
	return buf;
}

static void user_of(const struct sim_node *node, char out[static 64])
{
	snprintf(out, 64, "%.*s", (int)strcspn(node->fqdn, "."), node->fqdn);
}

static void add_text(char *out, size_t cap, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void add_text(char *out, size_t cap, const char *fmt, ...)
{
	size_t at = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(out + at, cap - at, fmt, ap);
	va_end(ap);
	assert_true(len >= 0 && (size_t)len < cap - at);
}

static void add_sdp(char *out, size_t cap, const struct sim_media *media, uint8_t family)
{
	struct ntm_ip ip = sim_vip(media->node, family);
	char host[NTM_IP_STR], sdp[400];

	ntm_ip_str(&ip, host);
	snprintf(sdp, sizeof(sdp),
		 "v=0\r\no=- 1 1 IN IP%u %s\r\ns=-\r\nc=IN IP%u %s\r\nt=0 0\r\n"
		 "m=audio %u RTP/AVP 0\r\n",
		 family, host, family, host, media->port);
	add_text(out, cap, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(sdp), sdp);
}

/* A request of the caller's. */
static void make_request(const struct sim_call *call, const char *method, char out[static TEXT_MAX])
{
	struct ntm_ip own = sim_vip(call->args.caller, call->args.family);
	char from[64], to[64], host[NTM_IP_STR + 2];
	bool is_invite = strcmp(method, "INVITE") == 0;

	user_of(call->args.caller, from);
	user_of(call->args.callee, to);
	host_of(&own, host);
	out[0] = '\0';
	add_text(out, TEXT_MAX,
		 "%s sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%zu%s\r\n"
		 "Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=a%zu\r\nTo: <sip:%s@%s>%s\r\n"
		 "Call-ID: %zu@sim\r\nCSeq: %d %s\r\nContact: <sip:%s@%s>\r\n",
		 method, to, call->args.callee->dc->domain, host, call->number, method, from,
		 call->args.caller->dc->domain, call->number, to, call->args.callee->dc->domain,
		 is_invite ? "" : ";tag=b", call->number, strcmp(method, "BYE") == 0 ? 2 : 1,
		 method, from, host);
	if (is_invite)
		add_sdp(out, TEXT_MAX, &call->a, call->args.family);
	else
		add_text(out, TEXT_MAX, "Content-Length: 0\r\n\r\n");
}

/* Copies a request's lines that begin with name. */
static void copy_lines(char *out, const char *request, const char *name)
{
	for (const char *p = strstr(request, "\r\n"); p != NULL; p = strstr(p, "\r\n")) {
		p += 2;
		if (strncmp(p, name, strlen(name)) == 0)
			add_text(out, TEXT_MAX, "%.*s\r\n", (int)strcspn(p, "\r"), p);
	}
}

static void make_response(const struct sim_call *call, const char *request, const char *status,
			  char out[static TEXT_MAX])
{
	char to[200] = "";

	out[0] = '\0';
	add_text(out, TEXT_MAX, "SIP/2.0 %s\r\n", status);
	copy_lines(out, request, "Via:");
	copy_lines(out, request, "From:");
	copy_lines(to, request, "To:");
	to[strcspn(to, "\r")] = '\0';
	add_text(out, TEXT_MAX, "%s%s\r\n", to, strstr(to, "tag=") == NULL ? ";tag=b" : "");
	copy_lines(out, request, "Call-ID:");
	copy_lines(out, request, "CSeq:");
	if (strncmp(status, "200", 3) == 0 && strstr(request, "\nCSeq: 1 INVITE") != NULL)
		add_sdp(out, TEXT_MAX, &call->b, call->args.family);
	else
		add_text(out, TEXT_MAX, "Content-Length: 0\r\n\r\n");
}

static struct ntm_addr media_of(const char *text)
{
	const char *c = strstr(text, "\r\nc=IN IP"), *m = strstr(text, "\r\nm=audio ");
	struct ntm_addr addr = {.port = 0};
	char host[NTM_IP_STR];

	if (c == NULL || m == NULL)
		return addr;
	c += strlen("\r\nc=IN IP4 ");
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(c, "\r"), c);
	addr.ip = sim_ip(host);
	addr.port = (uint16_t)atoi(m + strlen("\r\nm=audio "));
	return addr;
}

/* ---- media ---- */

static void send_rtp(void *arg)
{
	struct sim_media *media = arg;
	uint8_t rtp[RTP_LEN] = {0};
	struct ntm_wr wr = ntm_wr_init(rtp, RTP_HEAD);

	ntm_wr_u16(&wr, 0x8000);
	ntm_wr_u16(&wr, media->next_seq++);
	ntm_wr_u32(&wr, media->sent * 160);
	ntm_wr_u32(&wr, (uint32_t)media->call->number);
	media->sent++;
	ntm_timer_set(&media->call->sim->timers, &media->timer, media->call->args.rtp_ms);
	sim_udp(media->node, media->port, &media->to, rtp, sizeof(rtp));
}

static void on_rtp(void *arg, struct sim_node *node, const struct ntm_ippkt *view)
{
	struct sim_media *media = arg;
	struct ntm_rd rd = ntm_rd_init(view->payload, view->payload_len);
	int64_t now_ms = sim_now(node->sim);

	ntm_rd_u32(&rd);
	ntm_rd_u32(&rd);
	assert_int_equal(ntm_rd_u32(&rd), media->call->number);
	assert_int_equal(view->payload_len, RTP_LEN);
	if (media->received++ == 0)
		media->first_in_ms = now_ms;
	else if (now_ms - media->last_in_ms > media->longest_gap_ms)
		media->longest_gap_ms = now_ms - media->last_in_ms;
	media->last_in_ms = now_ms;
}

static void media_start(struct sim_media *media)
{
	if (media->to.ip.family != 0 && !ntm_timer_armed(&media->timer))
		ntm_timer_set(&media->call->sim->timers, &media->timer, 0);
}

static void media_stop(struct sim_media *media)
{
	ntm_timer_del(&media->call->sim->timers, &media->timer);
}

static void media_init(struct sim_media *media, struct sim_call *call, struct sim_node *node)
{
	*media = (struct sim_media){.call = call, .node = node};
	media->port = (uint16_t)(RTP_PORTS + 2 * (call->number % 15000));
	ntm_timer_init(&media->timer, send_rtp, media);
	sim_app_add(node, media->port, on_rtp, media);
}

/* ---- the call ---- */

static struct ntm_timers *timers(const struct sim_call *call)
{
	return &call->sim->timers;
}

static void finish(struct sim_call *call, enum sim_call_state state, const char *words)
{
	call->state = state;
	call->words = words;
	media_stop(&call->a);
	media_stop(&call->b);
	ntm_timer_del(timers(call), &call->invite_timer);
	ntm_timer_del(timers(call), &call->bye_timer);
	ntm_timer_del(timers(call), &call->talk_timer);
	ntm_timer_del(timers(call), &call->ring_timer);
	ntm_timer_del(timers(call), &call->answer_timer);
}

static void to_proxy(struct sim_node *node, const struct sim_call *call, const char *text)
{
	bool is_callee = node == call->args.callee;
	struct ntm_ip proxy =
		sim_vip(is_callee ? call->args.callee_proxy : call->args.proxy, call->args.family);

	sip_send(node, &proxy, text);
}

static void send_request(struct sim_call *call, const char *method)
{
	char text[TEXT_MAX];

	make_request(call, method, text);
	to_proxy(call->args.caller, call, text);
}

/* Timers A and B. */
static void on_invite_timer(void *arg)
{
	struct sim_call *call = arg;

	if (sim_now(call->sim) - call->invited_ms >= 2 * GIVE_UP ||
	    (!call->has_provisional && sim_now(call->sim) - call->invited_ms >= GIVE_UP)) {
		finish(call, SIM_CALL_FAILED, "INVITE was not answered");
		return;
	}
	ntm_timer_set(timers(call), &call->invite_timer, call->invite_wait_ms);
	call->invite_wait_ms *= 2;
	if (!call->has_provisional)
		send_request(call, "INVITE");
}

static void on_bye_timer(void *arg)
{
	struct sim_call *call = arg;

	if (sim_now(call->sim) - call->bye_ms >= GIVE_UP) {
		finish(call, SIM_CALL_FAILED, "BYE was not answered");
		return;
	}
	ntm_timer_set(timers(call), &call->bye_timer, call->bye_wait_ms);
	call->bye_wait_ms = call->bye_wait_ms * 2 > T2_MS ? T2_MS : call->bye_wait_ms * 2;
	send_request(call, "BYE");
}

void sim_call_end(struct sim_call *call)
{
	assert_int_equal(call->state, SIM_CALL_UP);
	media_stop(&call->a);
	call->bye_ms = sim_now(call->sim);
	call->bye_wait_ms = T1_MS;
	on_bye_timer(call);
}

static void on_talk_timer(void *arg)
{
	sim_call_end(arg);
}

static void caller_on_answer(struct sim_call *call, const char *text)
{
	call->answers++;
	if (call->state == SIM_CALL_INVITING) {
		call->state = SIM_CALL_UP;
		call->answered_ms = sim_now(call->sim);
		call->a.to = media_of(text);
		ntm_timer_del(timers(call), &call->invite_timer);
		media_start(&call->a);
		if (call->args.talk_ms >= 0)
			ntm_timer_set(timers(call), &call->talk_timer, call->args.talk_ms);
	}
	if (call->state == SIM_CALL_UP)
		send_request(call, "ACK");
}

static void caller_on(struct sim_call *call, const char *text)
{
	if (strstr(text, "\nCSeq: 2 BYE") != NULL)
		finish(call, SIM_CALL_ENDED, "");
	else if (strncmp(text, "SIP/2.0 180", 11) == 0)
		call->has_provisional = true;
	else if (strncmp(text, "SIP/2.0 200", 11) == 0)
		caller_on_answer(call, text);
}

/* 13.3.1.4 */
static void on_answer_timer(void *arg)
{
	struct sim_call *call = arg;

	if (call->answers_sent > 0 && sim_now(call->sim) - call->first_answer_ms >= GIVE_UP) {
		finish(call, SIM_CALL_FAILED, "200 OK was not acknowledged");
		return;
	}
	if (call->answers_sent++ == 0)
		call->first_answer_ms = sim_now(call->sim);
	ntm_timer_set(timers(call), &call->answer_timer, call->answer_wait_ms);
	call->answer_wait_ms = call->answer_wait_ms * 2 > T2_MS ? T2_MS : call->answer_wait_ms * 2;
	to_proxy(call->args.callee, call, call->answer);
}

static void on_ring_timer(void *arg)
{
	struct sim_call *call = arg;

	call->answer_wait_ms = T1_MS;
	on_answer_timer(call);
	media_start(&call->b); /* sip.md 1: before any ACK */
}

static void callee_on_invite(struct sim_call *call, const char *text)
{
	if (call->is_invited) {
		if (call->answers_sent == 0)
			to_proxy(call->args.callee, call, call->ringing);
		return;
	}
	call->is_invited = true;
	call->b.to = media_of(text);
	make_response(call, text, "180 Ringing", call->ringing);
	make_response(call, text, "200 OK", call->answer);
	to_proxy(call->args.callee, call, call->ringing);
	ntm_timer_set(timers(call), &call->ring_timer, call->args.ring_ms);
}

static void callee_on(struct sim_call *call, const char *text)
{
	char reply[TEXT_MAX];

	if (strncmp(text, "INVITE ", 7) == 0) {
		callee_on_invite(call, text);
	} else if (strncmp(text, "ACK ", 4) == 0) {
		call->is_acked = true;
		ntm_timer_del(timers(call), &call->answer_timer);
	} else if (strncmp(text, "BYE ", 4) == 0) {
		media_stop(&call->b);
		ntm_timer_del(timers(call), &call->answer_timer);
		make_response(call, text, "200 OK", reply);
		to_proxy(call->args.callee, call, reply);
	}
}

static void on_sip(void *arg, struct sim_node *node, const struct ntm_ippkt *view)
{
	struct sim *sim = node->sim;
	char text[NTM_PKT_MAX + 1];

	(void)arg;
	memcpy(text, view->payload, view->payload_len);
	text[view->payload_len] = '\0';
	const char *id = strstr(text, "\r\nCall-ID: ");
	size_t number = id != NULL ? strtoul(id + 11, NULL, 10) : SIZE_MAX;
	if (number >= sim->call_count)
		return;
	struct sim_call *call = sim->calls[number];
	if (call->state == SIM_CALL_ENDED || call->state == SIM_CALL_FAILED) {
		if (node == call->args.callee && strncmp(text, "BYE ", 4) == 0)
			callee_on(call, text);
	} else if (node == call->args.caller) {
		caller_on(call, text);
	} else if (node == call->args.callee) {
		callee_on(call, text);
	}
}

/* ---- the proxy: no state, Record-Route taken for granted ---- */

static bool is_user(const struct sim_node *node, const char *uri)
{
	size_t len = strcspn(uri, "@");

	return strncmp(node->fqdn, uri, len) == 0 && node->fqdn[len] == '.';
}

/* Where a proxy sends a request to: a user of its domain, or the proxy of the user's. */
static struct sim_node *next_hop(const struct sim_node *proxy, const char *uri)
{
	const char *host = uri + strcspn(uri, "@") + 1;
	char domain[64];

	snprintf(domain, sizeof(domain), "%.*s", (int)strcspn(host, " ;>"), host);
	bool is_own = strcmp(domain, proxy->dc->domain) == 0;
	for (struct sim_node *node = proxy->sim->nodes; node != NULL; node = node->next)
		if (strcmp(node->dc->domain, domain) == 0 &&
		    (is_own ? is_user(node, uri) : node->is_proxy))
			return node;
	return NULL;
}

static void pass_response(struct sim_node *node, const char *text)
{
	const char *own = strstr(text, "\r\nVia:"), *next, *end;
	char out[TEXT_MAX] = "", host[NTM_IP_STR + 8];
	struct ntm_addr to;

	assert_non_null(own);
	next = strstr(own + 2, "\r\nVia: SIP/2.0/UDP ");
	if (next == NULL)
		return;
	add_text(out, sizeof(out), "%.*s%s", (int)(own - text), text, next);
	next += strlen("\r\nVia: SIP/2.0/UDP ");
	end = strchr(next, ';');
	snprintf(host, sizeof(host), "%.*s", (int)(end - next), next);
	assert_int_equal(ntm_addr_parse(&to, host, 0), 0);
	sip_send(node, &to.ip, out);
}

static void pass_request(struct sim_node *node, const char *text, uint8_t family)
{
	struct ntm_ip own = sim_vip(node, family), to;
	const char *uri = strstr(text, " sip:"), *rest = strstr(text, "\r\n");
	char out[TEXT_MAX] = "", host[NTM_IP_STR + 2];

	assert_non_null(uri);
	struct sim_node *target = next_hop(node, uri + 5);
	if (target == NULL)
		return;
	const char *branch = strstr(text, "branch=");
	branch += 7;
	add_text(out, sizeof(out), "%.*s\r\nVia: SIP/2.0/UDP %s:5060;branch=%.*sp%s",
		 (int)(rest - text), text, host_of(&own, host), (int)strcspn(branch, "\r;"), branch,
		 rest);
	to = sim_vip(target, family);
	sip_send(node, &to, out);
}

static void on_proxy(void *arg, struct sim_node *node, const struct ntm_ippkt *view)
{
	char text[NTM_PKT_MAX + 1];

	(void)arg;
	memcpy(text, view->payload, view->payload_len);
	text[view->payload_len] = '\0';
	if (strncmp(text, "SIP/2.0 ", 8) == 0)
		pass_response(node, text);
	else
		pass_request(node, text, view->src.family);
}

void sim_proxy(struct sim_node *node)
{
	node->is_proxy = true;
	sim_app_add(node, SIM_SIP_PORT, on_proxy, NULL);
}

/* ---- life ---- */

static void phone(struct sim_node *node)
{
	for (const struct sim_app *app = node->apps; app != NULL; app = app->next)
		if (app->port == SIM_SIP_PORT)
			return;
	sim_app_add(node, SIM_SIP_PORT, on_sip, NULL);
}

static void keep(struct sim *sim, struct sim_call *call)
{
	if (sim->call_count == sim->call_cap) {
		sim->call_cap = sim->call_cap == 0 ? 64 : sim->call_cap * 2;
		sim->calls = reallocarray(sim->calls, sim->call_cap, sizeof(struct sim_call *));
		assert_non_null(sim->calls);
	}
	call->number = sim->call_count;
	sim->calls[sim->call_count++] = call;
}

static void set_defaults(struct sim_call_args *args)
{
	args->callee_proxy = args->callee_proxy != NULL ? args->callee_proxy : args->proxy;
	args->family = args->family == 0 ? 4 : args->family;
	args->ring_ms = args->ring_ms == 0 ? 200 : args->ring_ms;
	args->talk_ms = args->talk_ms == 0 ? 2000 : args->talk_ms;
	args->rtp_ms = args->rtp_ms == 0 ? 20 : args->rtp_ms;
}

struct sim_call *sim_call_new(const struct sim_call_args *args)
{
	struct sim_call *call = calloc(1, sizeof(*call));

	assert_non_null(call);
	call->sim = args->caller->sim;
	call->args = *args;
	call->words = "";
	set_defaults(&call->args);
	keep(call->sim, call);
	phone(args->caller);
	phone(args->callee);
	media_init(&call->a, call, args->caller);
	media_init(&call->b, call, args->callee);
	ntm_timer_init(&call->invite_timer, on_invite_timer, call);
	ntm_timer_init(&call->bye_timer, on_bye_timer, call);
	ntm_timer_init(&call->talk_timer, on_talk_timer, call);
	ntm_timer_init(&call->ring_timer, on_ring_timer, call);
	ntm_timer_init(&call->answer_timer, on_answer_timer, call);
	call->invited_ms = sim_now(call->sim);
	call->invite_wait_ms = T1_MS;
	on_invite_timer(call);
	return call;
}

bool sim_call_is_over(void *arg)
{
	const struct sim_call *call = arg;

	return call->state == SIM_CALL_ENDED || call->state == SIM_CALL_FAILED;
}

bool sim_call_is_up(void *arg)
{
	const struct sim_call *call = arg;

	return call->state == SIM_CALL_UP;
}

bool sim_call_has_media(const struct sim_call *call)
{
	return call->a.received > 0 && call->b.received > 0;
}

void sim_calls_free(struct sim *sim)
{
	for (size_t i = 0; i < sim->call_count; i++) {
		finish(sim->calls[i], SIM_CALL_ENDED, "");
		free(sim->calls[i]);
	}
	free(sim->calls);
	while (sim->sip_prints != NULL) {
		struct sip_print *print = sim->sip_prints;

		sim->sip_prints = print->next;
		free(print);
	}
}
