/* SPDX-License-Identifier: MIT */
#ifndef FS_DOCTOR_H
#define FS_DOCTOR_H

#include "options.h"

/*
 * regfs doctor: the exit status. 0: the registry can be mounted; 1: it cannot, or what was looked at in it
 * cannot be read, and one line says why.
 */
int doctor(const struct options *o);

#endif
