/* SPDX-License-Identifier: BSD-2-Clause */
/* What people call the numbers inside of control messages. */
#include "ntm/msg.h"

#define LOOKUP(table, i) (i) < sizeof(table) / sizeof((table)[0]) && (table)[i] ? (table)[i] : "?"

const char *ntm_direction_code_name(uint8_t code)
{
	static const char *const names[] = {
		[NTM_DIR_NO_SUCH_NAME] = "no such name",
		[NTM_DIR_NO_SUCH_ADDRESS] = "no such address",
		[NTM_DIR_OFFLINE] = "offline",
		[NTM_DIR_FORBIDDEN] = "forbidden",
		[NTM_DIR_NO_RELAY] = "no relay",
		[NTM_DIR_NOT_NTM] = "not an NTM name",
		[NTM_DIR_BUSY] = "busy",
		[NTM_DIR_NO_DC] = "no DC",
		[NTM_DIR_UNTRUSTED] = "not trusted",
	};

	return LOOKUP(names, code);
}

const char *ntm_reason_name(uint8_t reason)
{
	static const char *const names[] = {
		[NTM_REASON_NAME] = "name",
		[NTM_REASON_SIP] = "sip",
		[NTM_REASON_DATA] = "data",
		[NTM_REASON_MOVE] = "move",
	};

	return LOOKUP(names, reason);
}
