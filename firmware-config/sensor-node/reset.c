#include "reset.h"

#include <avr/io.h>
#include <avr/wdt.h>

#define PAINT 0xC5

extern uint8_t __heap_start;

uint8_t reset_cause __attribute__((section(".noinit")));
uint32_t reset_chance __attribute__((section(".noinit")));

/* Runs before any variable is set and before main: after a watchdog's reset the watchdog is still on, at its shortest.
 * It keeps its values in registers and has no way back but to fall through. */
static void __attribute__((naked, used, section(".init3"))) keep_what_reset_left(void) {
    reset_cause = MCUSR & (_BV(PORF) | _BV(EXTRF) | _BV(BORF) | _BV(WDRF));
    MCUSR = 0;
    wdt_disable();
    uint32_t chance = 5381;
    for (const uint8_t *byte = (const uint8_t *)RAMSTART; byte <= (const uint8_t *)RAMEND; byte++) {
        chance = ((chance << 5) + chance) ^ *byte;
    }
    reset_chance = chance;
    for (uint8_t *byte = &__heap_start; byte <= (uint8_t *)RAMEND; byte++) {
        *byte = PAINT;
    }
}

void reset_guard(void) { wdt_enable(WDTO_2S); }

void reset_progress(void) { wdt_reset(); }

uint16_t reset_free_ram(void) {
    const uint8_t *byte = &__heap_start;
    while (byte <= (const uint8_t *)RAMEND && *byte == PAINT) {
        byte++;
    }
    return (uint16_t)(byte - &__heap_start);
}
