/** What every peer sends: the same templates, the same fields, and so the same subject, text and HTML to each recipient. */

export interface BenchLead {
  email: string
  mailbox: string
  fields: { first_name: string; company: string; city: string }
}

export const TEMPLATES = {
  subject: 'A question about {{ company }}’s deliveries',
  text: `Good morning {{ first_name }},

I saw that {{ company }} has opened a second warehouse in {{ city }}. Firms of that size often tell us that the last mile eats what the
better location saves: vans leave half empty, and nobody can say in the evening which parcels came back, and why.

We plan routes for forty firms in the region. {% if city == "Kraków" %}Three of them are your neighbours.{% else %}Some of them are in {{ city }}.{% endif %}
On average they drive a fifth less than before, and their customers get an hour instead of a day.

Would a quarter of an hour next week suit you? I would show you what it would mean for {{ company }}, with your own figures.

Kind regards
Anna Nowak
Firma sp. z o.o., ul. Długa 1, 31-147 Kraków`,
  html: `<p>Good morning {{ first_name }},</p>
<p>I saw that <b>{{ company }}</b> has opened a second warehouse in {{ city }}. Firms of that size often tell us that the last mile eats
what the better location saves: vans leave half empty, and nobody can say in the evening which parcels came back, and why.</p>
<p>We plan routes for forty firms in the region. {% if city == "Kraków" %}Three of them are your neighbours.{% else %}Some of them are in {{ city }}.{% endif %}
On average they drive <i>a fifth less</i> than before, and their customers get an hour instead of a day.</p>
<p>Would a quarter of an hour next week suit you? I would show you what it would mean for {{ company }}, with your own figures.</p>
<p>Kind regards<br>Anna Nowak<br>Firma sp. z o.o., ul. Długa 1, 31-147 Kraków</p>`,
}

/** How many mailboxes there are, and so connections. */
export const MAILBOXES = 200

/** The n-th lead of the benchmark; the database makes the same ones (`LEAD_FIELDS`). */
export function leadOf(n: number): BenchLead {
  return {
    email: `lead-${n}@company-${n % 997}.example`,
    mailbox: `box-${1 + (n % MAILBOXES)}@firma.example`,
    fields: { first_name: `Jan ${n}`, company: `Spółka ${n}`, city: n % 3 === 0 ? 'Kraków' : 'Łódź' },
  }
}

/** `leadOf(n).fields` as SQL over a column n. */
export const LEAD_FIELDS = `
  jsonb_build_object('first_name', 'Jan ' || n, 'company', 'Spółka ' || n, 'city', case when n % 3 = 0 then 'Kraków' else 'Łódź' end)`
