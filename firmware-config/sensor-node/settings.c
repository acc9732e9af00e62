#include "settings.h"

#include <avr/eeprom.h>
#include <stddef.h>
#include <string.h>

#include "cobs.h"

#define VERSION 1
#define COPY_BYTES 32

struct settings settings;
static uint8_t newest;

/* Room for settings to come, so that a newer firmware finds both copies where they are. */
static union {
    struct settings settings;
    uint8_t room[COPY_BYTES];
} copies[2] EEMEM;

static uint16_t crc_of(const struct settings *of) {
    return crc16((const uint8_t *)of, offsetof(struct settings, crc));
}

static bool load(uint8_t copy, struct settings *into) {
    eeprom_read_block(into, &copies[copy], sizeof *into);
    return into->version == VERSION && into->crc == crc_of(into);
}

static bool load_newest(void) {
    struct settings second;
    const bool first_whole = load(0, &settings), second_whole = load(1, &second);
    newest = 0;
    if (second_whole && (!first_whole || (int8_t)(second.generation - settings.generation) > 0)) {
        settings = second;
        newest = 1;
    }
    return first_whole || second_whole;
}

void settings_load(uint32_t chance) {
    if (!load_newest()) {
        memset(&settings, 0, sizeof settings);
        settings.version = VERSION;
        settings.board = chance;
        settings.gsr_open = GSR_OPEN_UNKNOWN;
    }
    settings.boots++;
    settings_save();
}

bool settings_save(void) {
    settings.generation++;
    settings.crc = crc_of(&settings);
    newest ^= 1;
    eeprom_update_block(&settings, &copies[newest], sizeof settings);
    return settings_intact();
}

bool settings_intact(void) {
    struct settings stored;
    return load(newest, &stored) && memcmp(&stored, &settings, sizeof stored) == 0;
}
