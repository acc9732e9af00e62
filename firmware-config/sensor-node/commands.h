/* What a host may ask of the node. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "sampling.h"

/* Reads what came and does it. Never waits: measurements end in commands_see(). */
void commands_read(void);

/* Lets a measurement that was asked for see one more sample. */
void commands_see(const struct sample *sample);

#endif
