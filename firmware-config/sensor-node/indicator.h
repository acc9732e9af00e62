/* The LED, by which a person finds the board that a host means. */
#ifndef INDICATOR_H
#define INDICATOR_H

#include <stdint.h>

void indicator_begin(void);

/* Blinks for three seconds. */
void indicator_blink(void);

/* Call it often. */
void indicator_turn(void);

#endif
