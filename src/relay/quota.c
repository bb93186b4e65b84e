/* SPDX-License-Identifier: BSD-2-Clause */
/* How much may be forwarded: a meter a side, an account and the whole relay. */
#include "quota.h"

#include "ntm/map.h"
#include "ntm/pktbuf.h"

#include <errno.h>
#include <stdlib.h>

/* What may pass at once: half a second's worth, and two datagrams at least; bulk leaves a quarter
 * of it, and has room for one datagram. */
#define BURST_MS       500
#define BURST_MIN_BITS (2 * NTM_PKT_MAX * 8)
#define BULK_LEAVES    4 /* one part in so many */

/* Of the flows, one part in so many is for the relay's own domain alone. */
#define OWN_PART 4

static int64_t full(const struct meter *meter)
{
	int64_t bits = (int64_t)meter->kbit_s * BURST_MS;

	return bits > BURST_MIN_BITS ? bits : BURST_MIN_BITS;
}

void meter_init(struct meter *meter, uint32_t kbit_s, int64_t now_ms)
{
	*meter = (struct meter){.kbit_s = kbit_s, .last_ms = now_ms};
	meter->level_bits = full(meter);
}

void meter_set(struct meter *meter, uint32_t kbit_s, int64_t now_ms)
{
	if (meter->kbit_s == kbit_s)
		return;
	if (meter->kbit_s == 0) {
		meter_init(meter, kbit_s, now_ms);
		return;
	}
	meter->kbit_s = kbit_s;
	if (meter->level_bits > full(meter))
		meter->level_bits = full(meter);
}

static void refill(struct meter *meter, int64_t now_ms)
{
	int64_t passed_ms = now_ms - meter->last_ms;
	int64_t missing = full(meter) - meter->level_bits;

	if (passed_ms <= 0)
		return;
	meter->last_ms = now_ms;
	if (passed_ms > missing / meter->kbit_s)
		meter->level_bits += missing;
	else
		meter->level_bits += passed_ms * meter->kbit_s;
}

bool meter_has(struct meter *meter, size_t len, bool is_bulk, int64_t now_ms)
{
	int64_t left = is_bulk ? full(meter) / BULK_LEAVES : 0;

	if (meter->kbit_s == 0) {
		meter->level_bits = full(meter); /* meter_take may take */
		return true;
	}
	refill(meter, now_ms);
	return meter->level_bits - left >= (int64_t)len * 8;
}

int accounts_init(struct accounts *accounts, uint32_t relay_flows)
{
	*accounts = (struct accounts){.map = ntm_map_new(),
				      .others_max = relay_flows - relay_flows / OWN_PART};
	return accounts->map == NULL ? -ENOMEM : 0;
}

void accounts_fini(struct accounts *accounts)
{
	size_t pos = 0;
	struct account *account;

	if (accounts->map == NULL)
		return;
	while ((account = ntm_map_next(accounts->map, &pos)) != NULL)
		free(account);
	ntm_map_free(accounts->map);
}

void accounts_set(struct accounts *accounts, uint32_t flows_max, uint32_t kbit_s, int64_t now_ms)
{
	size_t pos = 0;
	struct account *account;

	accounts->flows_max = flows_max;
	if (accounts->kbit_s == kbit_s)
		return;
	accounts->kbit_s = kbit_s;
	while ((account = ntm_map_next(accounts->map, &pos)) != NULL)
		if (account->number != QUOTA_OWN)
			meter_set(&account->meter, kbit_s, now_ms);
}

bool accounts_has_room(const struct accounts *accounts, uint32_t number)
{
	const struct account *account = ntm_map_get(accounts->map, &number, sizeof(number));

	if (number == QUOTA_OWN)
		return true;
	return accounts->others < accounts->others_max &&
	       (accounts->flows_max == 0 || account == NULL ||
		account->flows < accounts->flows_max);
}

struct account *accounts_take(struct accounts *accounts, uint32_t number, int64_t now_ms)
{
	struct account *account = ntm_map_get(accounts->map, &number, sizeof(number));

	if (account == NULL) {
		account = calloc(1, sizeof(*account));
		if (account == NULL)
			return NULL;
		account->number = number;
		meter_init(&account->meter, number == QUOTA_OWN ? 0 : accounts->kbit_s, now_ms);
		if (ntm_map_put(accounts->map, &account->number, sizeof(account->number), account,
				NULL) != 0) {
			free(account);
			return NULL;
		}
	}
	account->flows++;
	accounts->others += number != QUOTA_OWN;
	return account;
}

void accounts_give(struct accounts *accounts, struct account *account)
{
	if (account == NULL)
		return;
	accounts->others -= account->number != QUOTA_OWN;
	if (--account->flows > 0)
		return;
	(void)ntm_map_del(accounts->map, &account->number, sizeof(account->number));
	free(account);
}
