/* What the node says: frames, and the old lines. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "sampling.h"

enum status { STATUS_OK = 0, STATUS_UNKNOWN = 1, STATUS_BAD_ARGUMENT = 2, STATUS_FAILED = 3 };

/* Each answers whether there was room. A frame without room keeps its sequence number: the host sees that it is gone. */
bool frames_say_sample(const struct sample *sample);
bool frames_say_hello(void);
bool frames_say_reply(uint16_t command_seq, uint8_t command, enum status status, const uint16_t *values, uint8_t count);

/* A zero, after which whatever the line held before is over. */
void frames_open(void);

/* One row `millis,gsr,hr`: milliseconds since boot modulo 2^32, and two 10-bit readings. */
bool frames_say_line(const struct sample *sample);

#endif
