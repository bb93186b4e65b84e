/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends a relay so many lies, at a pace, and prints as JSON what was sent in whose name and what
 * has to become of it. Needs CAP_NET_RAW, since most sources are not its own. Reads from stdin, a
 * line each: `relay ADDR`, `own ADDR`, `victim ADDR`, `dc ADDR`, `dc-key KEY`, `relay-key KEY`
 * (secret ones: the lies of who knows everything have to be of no use either), `count N`, `rate N`
 * (a second), `seed N`, and `heard ADDR HEX` for datagrams that genuine nodes sent to the relay. */
#include "relay_liar.h"

#include "ntm/cert.h"
#include "ntm/hex.h"
#include "ntm/noise.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH  32
#define CUT_AT 1400 /* longer ones are sent by the own socket: the kernel makes fragments */

struct tally {
	unsigned long packets, bytes; /* of UDP payload */
};

struct wire {
	int raw, own;
	struct sockaddr_in to;
	struct tally all, victim, fate[FATES];
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "relay-liar: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- what it knows ---- */

static void read_addr(struct ntm_addr *addr, const char *text)
{
	if (ntm_addr_parse(addr, text, NTM_RELAY_PORT) != 0 || addr->ip.family != 4)
		die(text);
}

static void read_key(uint8_t key[static NTM_KEY_LEN], const char *text)
{
	if (ntm_key_parse(key, text) != 0)
		die("no key");
}

static void read_heard(struct liar *liar, const char *from, const char *hex)
{
	struct heard *heard = &liar->heard[liar->heard_count];

	if (liar->heard_count == HEARD_MAX)
		die("too much heard");
	read_addr(&heard->from, from);
	if (ntm_hex_parse(hex, heard->data, sizeof(heard->data), &heard->len) != 0 ||
	    heard->len < NTM_RELAYED_HEADER)
		die("no datagram");
	for (size_t i = 4; i < 8; i++)
		heard->generation = heard->generation << 8 | heard->data[i];
	liar->heard_count++;
}

static void read_line(struct liar *liar, const char *name, const char *value, const char *more)
{
	uint8_t secret[NTM_KEY_LEN];

	if (strcmp(name, "relay") == 0)
		read_addr(&liar->relay, value);
	else if (strcmp(name, "own") == 0)
		read_addr(&liar->own, value);
	else if (strcmp(name, "victim") == 0)
		read_addr(&liar->victim, value);
	else if (strcmp(name, "dc") == 0)
		read_addr(&liar->dc, value);
	else if (strcmp(name, "dc-key") == 0)
		read_key(liar->dc_secret, value);
	else if (strcmp(name, "seed") == 0)
		liar->random = strtoull(value, NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	else if (strcmp(name, "heard") == 0)
		read_heard(liar, value, more);
	else if (strcmp(name, "relay-key") == 0) {
		read_key(secret, value);
		if (crypto_scalarmult_base(liar->relay_pub, secret) != 0)
			die("no key");
	} else {
		die(name);
	}
}

void liar_read(struct liar *liar, unsigned long *count, unsigned long *rate)
{
	char line[2048], name[16], value[128], more[1100];
	bool has_bind = false, has_relayed = false;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		more[0] = '\0';
		if (sscanf(line, "%15s %127s %1099s", name, value, more) < 2)
			die(line);
		if (strcmp(name, "count") == 0)
			*count = strtoul(value, NULL, 10);
		else if (strcmp(name, "rate") == 0)
			*rate = strtoul(value, NULL, 10);
		else
			read_line(liar, name, value, more);
	}
	for (size_t i = 0; i < liar->heard_count; i++) {
		has_bind |= liar->heard[i].data[0] == NTM_FRAME_ANSWER;
		has_relayed |= liar->heard[i].data[0] == NTM_FRAME_RELAYED;
	}
	if (!has_bind || !has_relayed || liar->relay.port == 0 || liar->own.port == 0 ||
	    liar->victim.port == 0 || liar->dc.port == 0 || *count == 0 || *rate == 0)
		die("not told enough");
}

/* ---- sending ---- */

static struct sockaddr_in sockaddr_of(const struct ntm_addr *addr)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(addr->port)};

	memcpy(&sa.sin_addr, addr->ip.b, 4);
	return sa;
}

static void open_wire(struct wire *wire, const struct liar *liar)
{
	struct sockaddr_in own = sockaddr_of(&liar->own);
	const int room = 4 << 20;

	wire->to = sockaddr_of(&liar->relay);
	wire->raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	wire->own = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (wire->raw < 0 || wire->own < 0 ||
	    bind(wire->own, (struct sockaddr *)&own, sizeof(own)) != 0)
		die("socket");
	(void)setsockopt(wire->raw, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	(void)setsockopt(wire->own, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

struct headers {
	struct iphdr ip;
	struct udphdr udp;
};

/* The kernel fills in length, id and checksum of IP; a UDP checksum of 0 says that there is none.
 */
static void write_headers(struct headers *headers, const struct lie *lie, const struct wire *wire)
{
	*headers = (struct headers){
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
		.udp = {.source = htons(lie->from.port),
			.dest = wire->to.sin_port,
			.len = htons((uint16_t)(sizeof(struct udphdr) + lie->len))},
	};
	memcpy(&headers->ip.saddr, lie->from.ip.b, 4);
	headers->ip.daddr = wire->to.sin_addr.s_addr;
}

static void send_batch(struct wire *wire, const struct lie *lies, unsigned count)
{
	struct headers headers[BATCH];
	struct iovec iov[BATCH][2];
	struct mmsghdr hdr[BATCH] = {0};
	unsigned raw = 0, sent = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct lie *lie = &lies[i];

		if (lie->len > CUT_AT) {
			if (sendto(wire->own, lie->data, lie->len, 0, (struct sockaddr *)&wire->to,
				   sizeof(wire->to)) < 0)
				die("sendto");
			continue;
		}
		write_headers(&headers[raw], lie, wire);
		iov[raw][0] = (struct iovec){&headers[raw], sizeof(headers[raw])};
		iov[raw][1] = (struct iovec){(void *)(uintptr_t)lie->data, lie->len};
		hdr[raw].msg_hdr = (struct msghdr){.msg_name = &wire->to,
						   .msg_namelen = sizeof(wire->to),
						   .msg_iov = iov[raw],
						   .msg_iovlen = 2};
		raw++;
	}
	while (sent < raw) {
		int done = sendmmsg(wire->raw, hdr + sent, raw - sent, 0);

		if (done < 0)
			die("sendmmsg");
		sent += (unsigned)done;
	}
}

static void count(struct tally *tally, const struct lie *lie)
{
	tally->packets++;
	tally->bytes += lie->len;
}

static void tally_lie(struct wire *wire, const struct liar *liar, const struct lie *lie)
{
	count(&wire->all, lie);
	count(&wire->fate[lie->fate], lie);
	if (ntm_ip_eq(&lie->from.ip, &liar->victim.ip))
		count(&wire->victim, lie);
}

/* ---- all ---- */

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits until the next ones are due. */
static void pace(double start_s, unsigned long sent, unsigned long rate)
{
	double early_s = start_s + (double)sent / (double)rate - now_s();

	if (early_s > 0)
		(void)usleep((useconds_t)(early_s * 1e6));
}

static void print(const struct wire *wire, double seconds)
{
	static const char *const names[FATES] = {"malformed",   "source",         "stranger",
						 "unknown_key", "foreign_ticket", "expired",
						 "bad_mac",     "old_generation", "bad_cookie",
						 "not_bound",   "unknown_label",  "challenged",
						 "copy",        "forwarded",      "session",
						 "kernel"};

	printf("{\"packets\": %lu, \"bytes\": %lu, \"victim_packets\": %lu, \"victim_bytes\": %lu, "
	       "\"forwarded_bytes\": %lu, \"seconds\": %.3f, \"fate\": {",
	       wire->all.packets, wire->all.bytes, wire->victim.packets, wire->victim.bytes,
	       wire->fate[FATE_FORWARDED].bytes, seconds);
	for (int i = 0; i < FATES; i++)
		printf("%s\"%s\": %lu", i == 0 ? "" : ", ", names[i], wire->fate[i].packets);
	printf("}}\n");
}

int main(void)
{
	static struct liar liar = {.random = 1};
	static struct lie lies[BATCH];
	static struct wire wire;
	unsigned long wanted = 0, rate = 0;

	if (ntm_crypto_init() != 0)
		die("libsodium");
	liar_read(&liar, &wanted, &rate);
	liar.now_s = time(NULL);
	open_wire(&wire, &liar);
	double start_s = now_s();
	while (wire.all.packets < wanted) {
		unsigned in_batch = 0;

		while (in_batch < BATCH && wire.all.packets < wanted) {
			liar_lie(&liar, &lies[in_batch]);
			tally_lie(&wire, &liar, &lies[in_batch++]);
		}
		send_batch(&wire, lies, in_batch);
		pace(start_s, wire.all.packets, rate);
	}
	print(&wire, now_s() - start_s);
	return 0;
}
