/* SPDX-License-Identifier: MIT */
/* What the findings mean for who mounts, and for who removes. */
#ifndef REG_DOCTOR_MEAN_H
#define REG_DOCTOR_MEAN_H

#include "doctor/doctor.h"

enum doctor_part { DOCTOR_MOUNTING, DOCTOR_REMOVING };

/* One sentence, for a line of its own. It lives until the function returns. */
typedef void doctor_line_fn(void *data, const char *text);

/* CAN_YES: it works; CAN_NO; CAN_UNKNOWN: that could not be seen. Each consequence is told to fn. */
enum doctor_can doctor_mean(const struct doctor *d, enum doctor_part part, doctor_line_fn *fn, void *data);

/* "HTTP 403 DENIED: requested access ...", or what the network said. */
const char *doctor_reason(const struct doctor_ability *a, char *buf, size_t size);

#endif
