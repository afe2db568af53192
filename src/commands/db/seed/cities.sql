/*
 * Where the demo takes place. Rates are in minor units, as steps: JPY has no decimals, TND and KWD
 * have three. Taveuni lies on the date line, with neighbourhoods on both sides of it.
 */
create temporary table demo_cities on commit drop as
select row_number() over ()::integer as number, c.*
from (values
  ('Lisbon', null, 'PT', 'Europe/Lisbon', 'EUR', 500, 11, 48, 70),
  ('Paris', null, 'FR', 'Europe/Paris', 'EUR', 500, 14, 60, 70),
  ('Edinburgh', 'Scotland', 'GB', 'Europe/London', 'GBP', 500, 12, 50, 50),
  ('Copenhagen', null, 'DK', 'Europe/Copenhagen', 'DKK', 5000, 12, 42, 45),
  ('New York', 'New York', 'US', 'America/New_York', 'USD', 500, 18, 80, 75),
  ('Mexico City', null, 'MX', 'America/Mexico_City', 'MXN', 5000, 10, 60, 50),
  ('Rio de Janeiro', 'Rio de Janeiro', 'BR', 'America/Sao_Paulo', 'BRL', 1000, 16, 90, 50),
  ('Cape Town', 'Western Cape', 'ZA', 'Africa/Johannesburg', 'ZAR', 5000, 12, 80, 45),
  ('Tunis', null, 'TN', 'Africa/Tunis', 'TND', 5000, 16, 90, 35),
  ('Kuwait City', null, 'KW', 'Asia/Kuwait', 'KWD', 500, 30, 140, 25),
  ('Kyoto', 'Kyoto', 'JP', 'Asia/Tokyo', 'JPY', 500, 14, 90, 60),
  ('Taveuni', 'Cakaudrove', 'FJ', 'Pacific/Fiji', 'AUD', 500, 16, 70, 25)
) c (
  city, region, country_code, time_zone, currency, rate_step, least_steps, most_steps, listing_count
);

create temporary table demo_areas on commit drop as
select
  row_number() over ()::integer as number,
  row_number() over (partition by a.city)::integer as number_in_city,
  count(*) over (partition by a.city)::integer as areas_in_city,
  a.*
from (values
  ('Lisbon', 'Alfama', 'Rua dos Remédios', -9.1290, 38.7118),
  ('Lisbon', 'Bairro Alto', 'Rua da Rosa', -9.1455, 38.7130),
  ('Lisbon', 'Graça', 'Rua da Graça', -9.1305, 38.7190),
  ('Lisbon', 'Estrela', 'Rua da Lapa', -9.1600, 38.7120),
  ('Lisbon', 'Campo de Ourique', 'Rua Ferreira Borges', -9.1650, 38.7190),
  ('Paris', 'the Marais', 'Rue de Turenne', 2.3620, 48.8590),
  ('Paris', 'Montmartre', 'Rue Caulaincourt', 2.3370, 48.8880),
  ('Paris', 'Belleville', 'Rue de Belleville', 2.3850, 48.8720),
  ('Paris', 'the Latin Quarter', 'Rue Monge', 2.3490, 48.8440),
  ('Paris', 'Batignolles', 'Rue des Dames', 2.3190, 48.8860),
  ('Edinburgh', 'the Old Town', 'Canongate', -3.1850, 55.9500),
  ('Edinburgh', 'Stockbridge', 'Raeburn Place', -3.2100, 55.9580),
  ('Edinburgh', 'Leith', 'Leith Walk', -3.1750, 55.9700),
  ('Edinburgh', 'Marchmont', 'Warrender Park Road', -3.1950, 55.9370),
  ('Copenhagen', 'Nørrebro', 'Jægersborggade', 12.5480, 55.6920),
  ('Copenhagen', 'Vesterbro', 'Istedgade', 12.5500, 55.6690),
  ('Copenhagen', 'Østerbro', 'Østerbrogade', 12.5770, 55.7060),
  ('Copenhagen', 'Frederiksberg', 'Gammel Kongevej', 12.5330, 55.6760),
  ('New York', 'the East Village', 'East 9th Street', -73.9830, 40.7280),
  ('New York', 'Harlem', 'West 128th Street', -73.9460, 40.8110),
  ('New York', 'Williamsburg', 'Bedford Avenue', -73.9570, 40.7140),
  ('New York', 'Park Slope', '5th Avenue', -73.9800, 40.6710),
  ('New York', 'Astoria', '31st Street', -73.9200, 40.7690),
  ('Mexico City', 'Roma Norte', 'Calle Colima', -99.1600, 19.4190),
  ('Mexico City', 'Condesa', 'Avenida Ámsterdam', -99.1730, 19.4120),
  ('Mexico City', 'Coyoacán', 'Calle Londres', -99.1620, 19.3500),
  ('Mexico City', 'Juárez', 'Calle Havre', -99.1620, 19.4270),
  ('Rio de Janeiro', 'Copacabana', 'Rua Barata Ribeiro', -43.1860, -22.9680),
  ('Rio de Janeiro', 'Ipanema', 'Rua Visconde de Pirajá', -43.2040, -22.9830),
  ('Rio de Janeiro', 'Santa Teresa', 'Rua Almirante Alexandrino', -43.1880, -22.9210),
  ('Rio de Janeiro', 'Botafogo', 'Rua Voluntários da Pátria', -43.1900, -22.9520),
  ('Cape Town', 'Sea Point', 'Regent Road', 18.3860, -33.9170),
  ('Cape Town', 'Gardens', 'Kloof Street', 18.4110, -33.9330),
  ('Cape Town', 'Woodstock', 'Albert Road', 18.4450, -33.9270),
  ('Cape Town', 'Camps Bay', 'Camps Bay Drive', 18.3800, -33.9510),
  ('Tunis', 'the Medina', 'Rue du Pacha', 10.1700, 36.7990),
  ('Tunis', 'Sidi Bou Said', 'Rue Habib Thameur', 10.3450, 36.8690),
  ('Tunis', 'La Marsa', 'Avenue Habib Bourguiba', 10.3230, 36.8790),
  ('Kuwait City', 'Salmiya', 'Salem Al Mubarak Street', 48.0750, 29.3330),
  ('Kuwait City', 'Sharq', 'Ahmad Al Jaber Street', 47.9900, 29.3790),
  ('Kyoto', 'Gion', 'Hanamikoji Street', 135.7750, 35.0030),
  ('Kyoto', 'Nishijin', 'Omiya Street', 135.7480, 35.0330),
  ('Kyoto', 'Fushimi', 'Ryoma Street', 135.7610, 34.9330),
  ('Kyoto', 'Arashiyama', 'Saga Tenryuji', 135.6800, 35.0140),
  ('Taveuni', 'Waiyevo', 'Waiyevo Road', 179.9950, -16.7960),
  ('Taveuni', 'Matei', 'Matei Road', -179.8800, -16.6900)
) a (city, area, street, longitude, latitude);
