/* SPDX-License-Identifier: BSD-2-Clause */
/* The zone's lookups, answered by the store. */
#pragma once

#include "store.h"
#include "zone.h"

/* Needs a store that answers before its calls return, as SQLite does (store.h); of one that does
 * not, every answer would be SERVFAIL. The store has to outlive the zone. */
struct zone_lookup zone_lookup_from_store(struct store *store);
