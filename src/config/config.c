#include "isovox/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "isovox/base/text.h"
#include "settings.h"

static void free_at(void *field)
{
    char *owned;
    memcpy(&owned, field, sizeof owned);
    free(owned);
}

static void free_list(const struct ivx_globs *list)
{
    for (size_t n = 0; n < list->count; n++)
        free(list->value[n]);
    free(list->value);
}

static void free_element(const struct ivx_section *section, char *element)
{
    for (size_t n = 0; n < section->setting_count; n++) {
        char *field = element + section->settings[n].offset;
        if (section->settings[n].kind == IVX_SETTING_TEXT)
            free_at(field);
        else if (section->settings[n].kind == IVX_SETTING_LIST)
            free_list((const struct ivx_globs *)(const void *)field);
    }
    if (section->title != NULL)
        free_at(element + section->title_offset);
}

void ivx_config_free(struct ivx_config **config)
{
    if (*config == NULL)
        return;
    for (size_t n = 0; n < ivx_section_count; n++) {
        const struct ivx_section *section = &ivx_sections[n];
        const size_t count = ivx_section_elements(section, *config);
        for (size_t k = 0; k < count; k++)
            free_element(section, ivx_section_element(section, *config, k));
        if (section->title != NULL)
            free_at((char *)*config + section->array);
    }
    free((*config)->file);
    free(*config);
    *config = NULL;
}

static bool is_loopback(const unsigned char address[16])
{
    static const unsigned char v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
    static const unsigned char v6[16] = { [15] = 1 };
    return ivx_network_has(v4, 96 + 8, address) || ivx_network_has(v6, 128, address);
}

bool ivx_config_allows(const struct ivx_config *config, const char *calling_ae,
                       const char *address)
{
    unsigned char peer[16], network[16];
    int bits;
    if (!ivx_network_parse(address, peer, &bits) || bits != 128)
        return false;
    if (config->receive.allow_count == 0)
        return is_loopback(peer);

    for (size_t n = 0; n < config->receive.allow_count; n++) {
        const struct ivx_allow *allow = &config->receive.allow[n];
        if (!ivx_text_glob(allow->ae_title, calling_ae))
            continue;
        for (size_t k = 0; k < allow->address.count; k++)
            if (ivx_network_parse(allow->address.value[k], network, &bits)
                && ivx_network_has(network, bits, peer))
                return true;
    }
    return false;
}

const char *ivx_config_calling_name(const struct ivx_config *config, const char *calling_ae)
{
    const struct ivx_sender *sender = ivx_config_sender_find(config, calling_ae);
    if (sender != NULL)
        return sender->ae_title;
    for (size_t n = 0; n < config->receive.allow_count; n++)
        if (ivx_text_glob(config->receive.allow[n].ae_title, calling_ae))
            return config->receive.allow[n].ae_title;
    return NULL;
}

const struct ivx_config_recipe *ivx_config_recipe_find(const struct ivx_config *config,
                                                       const char *name)
{
    for (size_t n = 0; n < config->recipe_count; n++)
        if (strcmp(config->recipes[n].name, name) == 0)
            return &config->recipes[n];
    return NULL;
}

const struct ivx_sender *ivx_config_sender_find(const struct ivx_config *config,
                                                const char *ae_title)
{
    for (size_t n = 0; n < config->sender_count; n++)
        if (strcmp(config->senders[n].ae_title, ae_title) == 0)
            return &config->senders[n];
    return NULL;
}

const struct ivx_source *ivx_config_source_find(const struct ivx_config *config,
                                                const char *name)
{
    for (size_t n = 0; n < config->source_count; n++)
        if (strcmp(config->sources[n].name, name) == 0)
            return &config->sources[n];
    return NULL;
}

const struct ivx_source *ivx_config_source_for(const struct ivx_config *config,
                                               const char *calling_ae)
{
    for (size_t n = 0; n < config->source_count; n++) {
        const struct ivx_globs *senders = &config->sources[n].senders;
        for (size_t k = 0; k < senders->count; k++)
            if (ivx_text_glob(senders->value[k], calling_ae))
                return &config->sources[n];
    }
    return NULL;
}

const struct ivx_destination *ivx_config_destination_find(const struct ivx_config *config,
                                                          const char *name)
{
    for (size_t n = 0; n < config->destination_count; n++)
        if (strcmp(config->destinations[n].name, name) == 0)
            return &config->destinations[n];
    return NULL;
}

int64_t ivx_config_drain_us(const struct ivx_config *config)
{
    return config->general.shutdown_grace * INT64_C(750000);
}
