-- The check by hand that nginx and Envoy run: an object without fields that `UpdateUser` does not have, and no
-- `skip_password_checks`. It is a fraction of what Portcullis verifies; the README lists the difference.
local known = {}
for name in ([[backup_codes bypass_client_trust create_organization_enabled create_organizations_limit created_at
delete_self_enabled external_id first_name last_name legal_accepted_at locale notify_primary_email_address_changed password
password_digest password_hasher primary_email_address_id primary_phone_number_id primary_web3_wallet_id private_metadata
profile_image_id public_metadata sign_out_of_other_sessions skip_legal_checks skip_password_checks totp_secret
unsafe_metadata username]]):gmatch("%S+") do
    known[name] = true
end

local REFUSAL = '{"errors":[{"code":"refused","message":"%s","long_message":"%s"}]}'

-- The response's body if `text` is refused, else nil. `decode` reads JSON and raises an error for what is none.
return function(text, decode)
    local valid, body = pcall(decode, text)
    local fault
    if not valid or type(body) ~= "table" then
        fault = "the body is no JSON object"
    elseif body.skip_password_checks == true then
        fault = "skip_password_checks is not allowed"
    else
        for name in pairs(body) do
            if not known[name] then
                fault = "unknown field"
                break
            end
        end
    end
    return fault and REFUSAL:format(fault, fault)
end
