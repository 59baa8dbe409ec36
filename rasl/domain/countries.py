"""Countries by the names and codes that people write where two letters (ISO 3166) are asked for."""

import difflib

import phonenumbers

# What is most often written instead, in capital letters.
_WRITTEN = {
    "ARGENTINA": "AR", "AUS": "AU", "AUSTRALIA": "AU", "AUSTRIA": "AT", "BANGLADESH": "BD", "BELGIUM": "BE",
    "BRASIL": "BR", "BRAZIL": "BR", "BRA": "BR", "CANADA": "CA", "CHILE": "CL", "CHINA": "CN", "COLOMBIA": "CO",
    "DENMARK": "DK", "DEU": "DE", "DEUTSCHLAND": "DE", "EGYPT": "EG", "EL": "GR", "EN": "GB", "ENGLAND": "GB",
    "ESP": "ES", "ESPANA": "ES", "FINLAND": "FI", "FRA": "FR", "FRANCE": "FR", "GBR": "GB", "GER": "DE",
    "GERMANY": "DE", "GHANA": "GH", "GREAT BRITAIN": "GB", "BRITAIN": "GB", "GREECE": "GR", "HONG KONG": "HK",
    "IND": "IN", "INDIA": "IN", "INDONESIA": "ID", "IRELAND": "IE", "ISRAEL": "IL", "ITA": "IT", "ITALIA": "IT",
    "ITALY": "IT", "JAPAN": "JP", "KENYA": "KE", "KUWAIT": "KW", "MALAYSIA": "MY", "MEX": "MX", "MEXICO": "MX",
    "MOROCCO": "MA", "NETHERLANDS": "NL", "NEW ZEALAND": "NZ", "NIGERIA": "NG", "NORWAY": "NO", "PAKISTAN": "PK",
    "PERU": "PE", "PHILIPPINES": "PH", "POLAND": "PL", "POLSKA": "PL", "PORTUGAL": "PT", "QATAR": "QA",
    "ROMANIA": "RO", "RUSSIA": "RU", "SAUDI ARABIA": "SA", "SINGAPORE": "SG", "SOUTH AFRICA": "ZA", "SPAIN": "ES",
    "SWEDEN": "SE", "SWITZERLAND": "CH", "SCHWEIZ": "CH", "THAILAND": "TH", "TURKEY": "TR", "TURKIYE": "TR",
    "UAE": "AE", "UK": "GB", "UKRAINE": "UA", "UNITED ARAB EMIRATES": "AE", "UNITED KINGDOM": "GB",
    "UNITED STATES": "US", "UNITED STATES OF AMERICA": "US", "USA": "US", "VIETNAM": "VN",
}  # fmt: skip


def problem_of(text: str) -> str | None:
    """Return what is wrong with a default country, in words that go on after its name; None when nothing is."""
    code = text.upper()
    if code in phonenumbers.SUPPORTED_REGIONS:
        return None
    meant = _WRITTEN.get(code)
    if meant is None:
        close = difflib.get_close_matches(code, _WRITTEN, n=1, cutoff=0.8)
        meant = _WRITTEN[close[0]] if close else None
    hint = f'; did you mean "{meant}"?' if meant else ""
    return f"must be a country of two letters, such as GB{hint}"
