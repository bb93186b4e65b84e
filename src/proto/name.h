/* SPDX-License-Identifier: BSD-2-Clause */
/* NTM names on the wire: canonical or not at all. */
#pragma once

#include "ntm/cert.h"
#include "ntm/wire.h"

/* True for what ntm_name_canon would leave as it is. */
bool ntm_name_is_canon(const char *name);
/* The next len bytes as a name without length byte. Puts rd in error for anything that is not
 * canonical; name is "" then. */
void ntm_rd_name(struct ntm_rd *rd, size_t len, char name[static NTM_NAME_MAX + 1]);
/* Length u8 and name. Names that are too long put wr in error; others are not checked. */
void ntm_wr_name_u8(struct ntm_wr *wr, const char *name);
void ntm_rd_name_u8(struct ntm_rd *rd, char name[static NTM_NAME_MAX + 1]);
