# Libraries by pkg-config; a missing one is named together with its Debian package.
find_package(PkgConfig REQUIRED)
function(ntm_need prefix module package)
	pkg_check_modules(${prefix} IMPORTED_TARGET GLOBAL ${module})
	if(NOT ${prefix}_FOUND)
		message(FATAL_ERROR "NTM needs ${module}. On Debian: sudo apt-get install ${package} "
			"(or run sudo scripts/deps, which installs everything).")
	endif()
endfunction()

ntm_need(EVENT libevent_core libevent-dev)
ntm_need(SODIUM libsodium libsodium-dev)
ntm_need(LDNS ldns libldns-dev)
ntm_need(MNL libmnl libmnl-dev)
ntm_need(SQLITE sqlite3 libsqlite3-dev)
ntm_need(CONFUSE libconfuse libconfuse-dev)
ntm_need(JANSSON jansson libjansson-dev)
if(NTM_TESTS)
	ntm_need(CMOCKA cmocka libcmocka-dev)
endif()

# osipparser2 alone (the transaction layer osip2 is not used); its .pc file carries both.
pkg_check_modules(OSIP libosip2)
find_library(OSIPPARSER_LIBRARY osipparser2)
if(NOT OSIPPARSER_LIBRARY)
	message(FATAL_ERROR "NTM needs libosipparser2. On Debian: sudo apt-get install libosip2-dev")
endif()
add_library(PkgConfig::OSIPPARSER INTERFACE IMPORTED GLOBAL)
target_link_libraries(PkgConfig::OSIPPARSER INTERFACE ${OSIPPARSER_LIBRARY})
