/* How the node came to begin anew, and what makes it: the watchdog. */
#ifndef RESET_H
#define RESET_H

#include <stdint.h>

/* The MCU's reset flags: 1 power on, 2 external, 4 brown-out, 8 watchdog; 0 where a boot loader cleared them. */
extern uint8_t reset_cause;

/* What the RAM held before anything was put there: differs from chip to chip. */
extern uint32_t reset_chance;

/* Resets the node unless reset_progress() comes again within two seconds. */
void reset_guard(void);
void reset_progress(void);

/* Bytes of RAM between data and stack that nothing has touched since boot. */
uint16_t reset_free_ram(void);

#endif
