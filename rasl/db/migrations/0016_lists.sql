-- Texts are sorted as people sort them, and filters that every integration needs first find what they look for.

-- What a text is sorted by, byte by byte: letters in lower case and without accents. No collation of ICU, whose order is
-- the same here, as the PostgreSQL that RASL brings has none, and as indexes in such an order are wrong after an update
-- of the library. Names in ASCII, which most are, take the short way.
create function sort_key(value text) returns text language sql immutable parallel safe as $$
    select case when octet_length(value) = length(value) then lower(value) else
        translate(
            replace(replace(replace(
                lower(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f\u0483-\u0487\u064b-\u065f\u3099\u309a]', '', 'g')),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
            'øłđħıŧ', 'oldhit')
    end
$$;
create index contacts_by_firstname_key on contacts (tenant_id, (sort_key(firstname) collate "C"), id);
create index contacts_by_lastname_key on contacts (tenant_id, (sort_key(lastname) collate "C"), id);
drop index contacts_by_firstname;
drop index contacts_by_lastname;
