#include "indicator.h"

#include <stdbool.h>

#include "board.h"
#include "sampling.h"

#define BLINK_US 3000000UL
#define PHASE_BIT 17 /* 131 ms on, 131 ms off */

static bool blinking;
static uint32_t since_us;

void indicator_begin(void) { LED_DDR |= _BV(LED_BIT); }

void indicator_blink(void) {
    blinking = true;
    since_us = sampling_now_us();
}

void indicator_turn(void) {
    const uint32_t for_us = sampling_now_us() - since_us;
    blinking = blinking && for_us < BLINK_US;
    if (blinking && !(for_us >> PHASE_BIT & 1)) {
        LED_PORT |= _BV(LED_BIT);
    } else {
        LED_PORT &= (uint8_t)~_BV(LED_BIT);
    }
}
