"""How WhatsApp writes languages: `en`, `en_GB`."""


def language_code(text: str) -> str:
    """Return a language as WhatsApp writes it, also when it is given as `en-gb`."""
    language, _, country = text.strip().replace("-", "_").partition("_")
    if not country:
        return language.lower()
    return f"{language.lower()}_{country.upper() if len(country) == 2 else country}"
